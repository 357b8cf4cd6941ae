package webui

import (
	"context"

	"sekisho/internal/console/office"
)

func (f *firm) Found(context.Context, bool) ([]office.Found, error) { return nil, f.fail() }

func (f *firm) Hunt(context.Context, office.HuntQuery) (*office.Hunt, error) {
	return &office.Hunt{}, f.fail()
}

func (f *firm) Logins(context.Context, office.LoginsQuery) ([]office.LoginTries, error) {
	return nil, f.fail()
}

func (f *firm) Pages(context.Context) ([]office.SitePages, error) { return nil, f.fail() }

func (f *firm) Firm(context.Context, string) (*office.Firm, error) { return &office.Firm{}, f.fail() }

func (f *firm) OldBlock(context.Context, string) (*office.BlockAnswer, error) {
	return &office.BlockAnswer{}, f.fail()
}

func (f *firm) Judge(context.Context, office.JudgeQuery) (*office.Judged, error) {
	return &office.Judged{}, f.fail()
}

func (f *firm) Keys(context.Context) ([]string, error) { return []string{nasty}, f.fail() }

func (f *firm) ExitAuthority(context.Context) (*office.ExitAuthority, error) {
	return &office.ExitAuthority{}, f.fail()
}
