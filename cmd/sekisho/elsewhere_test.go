package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/console/account"
	"sekisho/internal/event"
)

// makeToken makes an account with roles in the accounts of the script's process,
// as its person would with the first link, and a token: account roles actions
// variable. The variable gets the token.
func makeToken(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: token account role,role action,action VARIABLE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := account.Open(ctx, account.Config{Path: filepath.Join(ts.Getenv("WORK"), "data", "accounts.db"), Tenant: "default", Cheap: true,
		Origin: "http://localhost", Record: func(context.Context, event.Source, ...event.Body) error { return nil }})
	ts.Check(err)
	defer a.Close()
	var roles []account.Role
	for _, r := range strings.Split(args[1], ",") {
		roles = append(roles, account.Role(r))
	}
	code, err := a.Invite(ctx, "test", args[0], roles)
	ts.Check(err)
	key, err := a.NewKey()
	ts.Check(err)
	_, err = a.Accept(ctx, code, account.Welcome{Password: "correct horse battery staple 7", Key: key, Code: account.Code(key, time.Now())})
	ts.Check(err)
	u, err := a.User(ctx, args[0])
	ts.Check(err)
	var do []account.Action
	for _, one := range strings.Split(args[2], ",") {
		do = append(do, account.Action(one))
	}
	text, err := a.NewToken(ctx, u, "script", do, time.Hour)
	ts.Check(err)
	ts.Setenv(args[3], text)
}
