package webui

//go:generate go tool templ generate
