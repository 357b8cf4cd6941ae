package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/datamap/filescan"
	"sekisho/internal/datamap/tablestore"
	"sekisho/internal/fault"
)

type scanCmd struct {
	Folder  string `arg:"" help:"help_scan_folder"`
	HTML    string `placeholder:"FILE" help:"help_scan_html"`
	State   string `placeholder:"DIR" help:"help_scan_state"`
	Fresh   bool   `help:"help_scan_fresh"`
	DryRun  bool   `help:"help_scan_dry"`
	Workers int    `help:"help_scan_workers"`
	Rows    int    `name:"rows-per-second" help:"help_scan_rows"`
	Secret  string `name:"password-file" placeholder:"FILE" help:"help_scan_password"`
}

// scanMemory is what the garbage collector aims at: all of a scan stays below
// 512 MiB (internal/datamap/document bounds what is alive at once).
const scanMemory = 384 << 20

// Run looks through a folder and shows one page.
func (c scanCmd) Run(a *app) error {
	debug.SetMemoryLimit(scanMemory)
	if isStore(c.Folder) {
		return c.store(a)
	}
	root, err := filepath.Abs(c.Folder)
	if err != nil {
		return fault.New(fault.FolderUnreadable, "folder", c.Folder).Because(err)
	}
	if c.HTML != "" {
		page, err := filepath.Abs(c.HTML)
		if err != nil || filescan.Below(page, root) {
			return fault.New(fault.FolderWrite, "file", c.HTML)
		}
	}
	return c.scan(a, filescan.Config{Root: c.Folder, State: c.state(a, root), Workers: c.Workers})
}

// store looks through a database or a bucket.
func (c scanCmd) store(a *app) error {
	name := tablestore.Name(c.Folder)
	how := accessFromEnvironment(c.Folder)
	if c.Secret != "" {
		secret, err := config.ReadSecret(c.Secret)
		if err != nil {
			return err
		}
		how.secret = secret.Reveal()
	}
	how.rowsPerSecond = c.Rows
	store, err := openStore(c.Folder, how)
	if err != nil {
		return fault.New(fault.Usage, "problem", err.Error(), "hint", "sekisho scan --help")
	}
	cfg := filescan.Config{Root: name, Store: store, State: c.state(a, ""), Workers: c.Workers}
	if db, ok := store.(tablestore.Database); ok {
		open, err := tablestore.Open(a.ctx, db.Config)
		if err != nil {
			return fault.New(fault.DatabaseConnect, "database", name, "address", "").Because(err)
		}
		defer open.Close(context.WithoutCancel(a.ctx)) // of a reader
		cfg.Store, cfg.Workers = open, 1               // one snapshot, one connection
	}
	return c.scan(a, cfg)
}

func (c scanCmd) scan(a *app, cfg filescan.Config) error {
	bar := a.progress("scan_running")
	cfg.Fresh, cfg.DryRun = c.Fresh, c.DryRun
	cfg.Progress = func(p filescan.Progress) { a.scanProgress(bar, p) }
	r, err := filescan.Scan(a.ctx, cfg)
	bar.end()
	if err != nil {
		return fault.New(fault.FolderUnreadable, "folder", cfg.Root).Because(err)
	}
	if c.HTML != "" {
		if err := writeFile(c.HTML, func(w io.Writer) error { return scanPage(w, a.say, r) }); err != nil {
			return fault.New(fault.FolderUnreadable, "folder", c.HTML).Because(err)
		}
	}
	return a.out(r, func() { scanText(a.env.stdout, a.say, r) })
}

// state is where the state is kept: --state, else the user's cache directory,
// or, when that is part of what is scanned, the one for temporary files.
func (c scanCmd) state(a *app, root string) string {
	if c.State != "" {
		return c.State
	}
	temp := filepath.Join(os.TempDir(), "sekisho-scan-"+a.person(""))
	cache, err := os.UserCacheDir()
	if err != nil {
		return temp
	}
	dir := filepath.Join(cache, "sekisho")
	if root == "" {
		return dir
	}
	if filescan.Below(dir, root) && !filescan.Below(temp, root) {
		return temp
	}
	return dir
}

// scanProgress draws the bar with the time that is left.
func (a *app) scanProgress(b *bar, p filescan.Progress) {
	label := a.say.Text("scan_running")
	if p.Left > 0 {
		label = a.say.Text("scan_left", "time", p.Left.Round(time.Second))
	}
	b.label = label
	b.show(p.Bytes, max(p.AllBytes, 1))
}

// writeFile writes a file whole, readable by its owner alone.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = errors.Join(write(w), w.Flush())
	return errors.Join(err, f.Close())
}
