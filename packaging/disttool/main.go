// Command disttool makes the parts of a release that need no other program: the
// list of components of a binary (CycloneDX 1.6), the licences of these, and archives
// that are the same to the byte for the same input.
//
// It is not part of the product: scripts/dist.sh runs it.
package main

import (
	"archive/zip"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "disttool:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "sbom":
		return sbom(out, args[1], args[2])
	case len(args) == 2 && args[0] == "licences":
		return licences(out, args[1])
	case len(args) == 4 && args[0] == "zip":
		seconds, err := strconv.ParseInt(args[3], 10, 64)
		if err != nil {
			return err
		}
		return archive(args[1], args[2], time.Unix(seconds, 0).UTC())
	}
	return errors.New("usage: disttool sbom BINARY VERSION | disttool licences BINARY | disttool zip FILE.zip DIR SECONDS-SINCE-1970")
}

// component is a CycloneDX component (ECMA-424, CycloneDX 1.6).
type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Purl       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref  string   `json:"ref"`
	Deps []string `json:"dependsOn"`
}

type document struct {
	Format   string `json:"bomFormat"`
	Spec     string `json:"specVersion"`
	Version  int    `json:"version"`
	Metadata struct {
		Component component `json:"component"`
	} `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

// sbom writes what a binary was built from, as the Go toolchain wrote it into
// the binary itself: what is listed is what is linked, and what it carries beside. It
// holds no time and no random number, so the same binary gives the same bytes.
func sbom(w io.Writer, binary, version string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1}
	d.Metadata.Component = component{Type: "application", Ref: "sekisho", Name: "sekisho", Version: version}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	d.Components = append(d.Components, component{Type: "library", Ref: "pkg:golang/std@" + goVersion, Name: "std", Version: goVersion, Purl: "pkg:golang/std@" + goVersion})
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component{Type: "library", Name: m.Path, Version: m.Version, Purl: "pkg:golang/" + m.Path + "@" + m.Version}
		c.Ref = c.Purl
		if sum, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return fmt.Errorf("%s: %w", m.Path, err)
			}
			// Not a hash of a file: of the list of the module's files (Go's dirhash).
			c.Properties = []property{{"go:h1", hex.EncodeToString(raw)}}
		}
		d.Components = append(d.Components, c)
	}
	for _, c := range carried {
		d.Components = append(d.Components, component{Type: "library", Ref: c.purl, Name: c.name, Version: c.version, Purl: c.purl})
	}
	all := dependency{Ref: "sekisho"}
	for _, c := range d.Components {
		all.Deps = append(all.Deps, c.Ref)
	}
	d.Dependencies = []dependency{all}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// archive packs a directory, names in order, every file of one time.
func archive(name, dir string, at time.Time) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := zip.NewWriter(f)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(filepath.Dir(dir), path)
		if err != nil {
			return err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: filepath.ToSlash(rel), Method: zip.Deflate, Modified: at})
		if err != nil {
			return err
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, in)
		return errors.Join(err, in.Close())
	})
	return errors.Join(err, z.Close())
}
