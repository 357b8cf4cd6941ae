package config

import (
	"net/url"

	"sekisho/internal/fault"
)

// Console is where the console listens.
type Console struct {
	Listen  string `yaml:"listen,omitempty" doc:"Address ip:port to listen on. Anything but loopback needs cert, key and address. Default: 127.0.0.1:8600."`
	Address string `yaml:"address,omitempty" doc:"How browsers reach it: scheme, host and port. Passkeys are bound to the host name, and other names are not answered. Default: http://localhost with the port of listen."`
	Cert    string `yaml:"cert,omitempty" doc:"PEM file of the certificate chain."`
	Key     string `yaml:"key,omitempty" doc:"PEM file of its key, mode 0600."`
	// Persons is read by the room of persons.
	Persons string `yaml:"persons,omitempty" doc:"Folder of a state that sekisho person match --state made, for the room of persons. Relative to this file. Default: the room says how to make one."`
}

func (k *checker) console(path string, c *Console, listens map[string]string) {
	if c.Listen == "" {
		c.Listen = defaultConsole
	}
	others := k.listen(path+".listen", c.Listen, listens)
	if others && c.Cert == "" {
		k.add(path+".listen", fault.New(fault.ConfigConflict, "problem", "an address that others can reach needs TLS",
			"hint", "set cert and key, or listen on 127.0.0.1"))
	}
	if others && c.Address == "" {
		k.add(path+".address", fault.New(fault.ConfigMissing, "key", path+".address", "hint", "write how browsers reach it, such as https://console.example.jp"))
	}
	if (c.Cert == "") != (c.Key == "") {
		k.add(path, fault.New(fault.ConfigConflict, "problem", "TLS needs both cert and key", "hint", "name both files"))
	}
	if c.Address == "" {
		return
	}
	u, err := url.Parse(c.Address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		k.value(path+".address", c.Address, "it is not scheme, host and port", "write for example https://console.example.jp")
		return
	}
	if others && u.Scheme != "https" {
		k.value(path+".address", c.Address, "others can reach it, so it must begin with https:", "write for example https://console.example.jp")
	}
}
