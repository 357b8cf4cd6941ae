package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sekisho/internal/datamap/filescan"
	"sekisho/internal/datamap/filewatch"
	"sekisho/internal/fault"
)

type mapWatchCmd struct {
	Folder string `arg:"" help:"help_map_watch_folder"`
	All    bool   `help:"help_map_watch_all"`
}

// watched is one life of a file, or a part of one, as a line of JSON.
type watched struct {
	At       time.Time         `json:"at"`
	Path     string            `json:"path"`
	Was      string            `json:"was,omitempty"`
	Created  bool              `json:"created,omitempty"`
	Gone     bool              `json:"gone,omitempty"`
	Lived    time.Duration     `json:"lived_ns,omitempty"` // of one that came and went
	Size     int64             `json:"size"`
	Elements []filescan.Found  `json:"elements,omitempty"`
	Troubles []filescan.Unread `json:"troubles,omitempty"`
	// Unread says that it went before it could be read.
	Unread bool `json:"unread,omitempty"`
	// Lost is a time in which files may have come and gone unseen.
	Lost string `json:"lost,omitempty"`
}

// Run says what comes, changes and goes in a folder, and which personal data is in it,
// until it is interrupted. It records nothing: that is `up` with watch: true.
func (c mapWatchCmd) Run(a *app) error {
	root, err := filepath.Abs(c.Folder)
	if err != nil {
		return fault.New(fault.FolderUnreadable, "folder", c.Folder).Because(err)
	}
	w, err := filewatch.New(filewatch.Config{Root: root})
	if err != nil {
		return fault.New(fault.FolderUnreadable, "folder", c.Folder).Because(err)
	}
	ctx, stop := context.WithCancel(a.ctx)
	var wait sync.WaitGroup
	ended := make(chan error, 1)
	wait.Go(func() { ended <- w.Run(ctx) })
	defer wait.Wait()
	defer stop()
	key := "map_watch_names"
	if w.Holds() {
		key = "map_watch_holds"
	}
	fmt.Fprintln(a.env.stderr, a.say.Text(key, "folder", c.Folder))
	look := filescan.NewLooker("")
	for {
		select {
		case <-a.ctx.Done():
			return nil
		case err := <-ended:
			if a.ctx.Err() != nil {
				return nil
			}
			return fault.New(fault.FolderUnreadable, "folder", c.Folder).Because(err)
		case <-w.Ready():
		}
		if err := c.take(a, w, look); err != nil && a.ctx.Err() == nil {
			return err
		}
	}
}

// take tells everything that waits.
func (c mapWatchCmd) take(a *app, w *filewatch.Watch, look *filescan.Looker) (err error) {
	for {
		sights, losses := w.Take()
		if len(sights)+len(losses) == 0 {
			return err
		}
		for _, l := range losses {
			if terr := c.tell(a, &watched{At: l.To.UTC(), Path: filescan.Shown(l.Path), Lost: l.Reason}); err == nil {
				err = terr
			}
		}
		for _, s := range sights {
			if err == nil {
				err = c.sight(a, s, look)
			}
			if s.File != nil {
				s.File.Close() // of a reader
			}
		}
	}
}

func (c mapWatchCmd) sight(a *app, s *filewatch.Sight, look *filescan.Looker) error {
	x := &watched{At: s.To.UTC(), Path: filescan.Shown(s.Path), Created: s.Created, Gone: s.Gone, Size: s.Size, Unread: s.Late()}
	if s.Was != "" {
		x.Was = filescan.Shown(s.Was)
	}
	if s.Created && s.Gone {
		x.Lived = s.To.Sub(s.From)
	}
	if s.File != nil {
		o, err := look.Look(a.ctx, filescan.Opened(s.File, s.Path))
		if err != nil {
			return err
		}
		x.Size, x.Elements, x.Troubles = o.Size, o.Elements, o.Troubles
	}
	if !c.All && len(x.Elements)+len(x.Troubles) == 0 && !x.Unread {
		return nil
	}
	return c.tell(a, x)
}

func (c mapWatchCmd) tell(a *app, x *watched) error {
	if a.json {
		return json.NewEncoder(a.env.stdout).Encode(x)
	}
	what := []string{}
	switch {
	case x.Lost != "":
		what = append(what, a.say.Text("map_watch_lost"))
	case x.Created && x.Gone:
		what = append(what, a.say.Text("map_watch_short", "lived", x.Lived.Round(time.Millisecond)))
	case x.Gone:
		what = append(what, a.say.Text("map_watch_gone"))
	case x.Was != "":
		what = append(what, a.say.Text("map_watch_moved", "was", x.Was))
	case x.Created:
		what = append(what, a.say.Text("map_watch_came"))
	default:
		what = append(what, a.say.Text("map_watch_written"))
	}
	if x.Unread {
		what = append(what, a.say.Text("map_watch_unread"))
	}
	for _, f := range x.Elements {
		what = append(what, fmt.Sprintf("%s %s", f.Name, countOf(f.Count)))
	}
	for _, u := range x.Troubles {
		what = append(what, u.Name)
	}
	_, err := fmt.Fprintf(a.env.stdout, "%s  %s  %s\n", x.At.Format(time.RFC3339), x.Path, strings.Join(what, ", "))
	return err
}
