package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed clients
var clients embed.FS

// told is what the customer of the recordings enters (clients/story.json).
type told struct {
	Search, Login, Contact map[string]string
	// Odd is ordinary, and the rule set takes it for an attack.
	Odd   map[string]string
	Order json.RawMessage
	File  string
}

// customer is where the programs find what they need.
type customer struct {
	told
	base  string // of the shop
	dir   string // with the files of clients and the one to upload
	photo string
}

// patience is how long one program may take.
const patience = time.Minute

// record has ordinary programs use a shop and writes down what they send, one
// file for each request, in place of the recordings that are there.
func record(ctx context.Context, into string) (err error) {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := fs.Sub(clients, "clients")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return err
	}
	c := &customer{dir: dir}
	story, err := fs.ReadFile(files, "story.json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(story, &c.told); err != nil {
		return err
	}
	var photo bytes.Buffer
	if err := png.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		return err
	}
	c.photo = filepath.Join(dir, c.File)
	if err := os.WriteFile(c.photo, photo.Bytes(), 0o600); err != nil {
		return err
	}
	shop, err := openShop(files, photo.Bytes())
	if err != nil {
		return err
	}
	defer shop.close()
	c.base = "http://" + shop.address
	for _, p := range []struct {
		name string
		buy  func(context.Context, *customer) error
	}{
		{"curl", curl}, {"wget", wget}, {"go", golang},
		{"nodefetch", script("node", "client.mjs", "fetch")}, {"nodehttp", script("node", "client.mjs", "http")},
		{"pythonhttp", script("python3", "client.py", "http.client")}, {"pythonurllib", script("python3", "client.py", "urllib")},
		{"pythonrequests", script("python3", "client.py", "requests")},
		{"chromium", func(ctx context.Context, c *customer) error { return chromium(ctx, c, shop.done) }},
	} {
		limited, stop := context.WithTimeout(ctx, patience)
		err := p.buy(limited, c)
		stop()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		shop.served(p.name)
	}
	return shop.write(into)
}

// program runs one to its end; its error has what it said.
func program(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// script returns the part of a program of clients.
func script(name, file, part string) func(context.Context, *customer) error {
	return func(ctx context.Context, c *customer) error {
		return program(ctx, name, filepath.Join(c.dir, file), part, c.base, filepath.Join(c.dir, "story.json"), c.photo)
	}
}

func curl(ctx context.Context, c *customer) error {
	entered := func(as string, values map[string]string) (args []string) {
		for _, name := range sortedKeys(values) {
			args = append(args, as, name+"="+values[name])
		}
		return args
	}
	jar, order := filepath.Join(c.dir, "cookies"), string(c.Order)
	for _, args := range [][]string{
		append([]string{"-G", c.base + "/search"}, entered("--data-urlencode", c.Search)...),
		append([]string{"-c", jar, c.base + "/login"}, entered("--data-urlencode", c.Login)...),
		{"-b", jar, "-I", c.base + "/cart"},
		append([]string{"-b", jar, "-e", c.base + "/cart", c.base + "/contact"}, entered("--data-urlencode", c.Contact)...),
		append([]string{"-b", jar, c.base + "/contact", "-F", "photo=@" + c.photo + ";type=image/png"}, entered("--form-string", c.Contact)...),
		{"-X", "PUT", "-H", "Content-Type: application/json", "--data-raw", order, c.base + "/api/orders/1001"},
		{"-H", "Content-Type: application/json", "-H", "Transfer-Encoding: chunked", "--data-raw", order, c.base + "/api/orders"},
		append([]string{c.base + "/odd/text"}, entered("--data-urlencode", c.Odd)...),
		{c.base + "/odd/file", "-F", "photo=@" + c.photo + ";type=image/png;filename=It's me.png"},
		{"--compressed", "-u", "hanako:ume-no-hana", c.base + "/items/%E5%AE%87%E6%B2%BB%E7%85%8E%E8%8C%B6?color=red#review"},
	} {
		if err := program(ctx, "curl", append([]string{"-sS", "-q", "--noproxy", "*", "-o", os.DevNull}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

func wget(ctx context.Context, c *customer) error {
	for _, args := range [][]string{
		{c.base + "/search?" + values(c.Search).Encode()},
		{"--post-data", values(c.Contact).Encode(), c.base + "/contact"},
		{"--method", "PUT", "--header", "Content-Type: application/json", "--body-data", string(c.Order), c.base + "/api/orders/1001"},
	} {
		if err := program(ctx, "wget", append([]string{"-q", "--no-config", "--no-proxy", "-O", os.DevNull}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

func golang(ctx context.Context, c *customer) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	var upload bytes.Buffer
	w := multipart.NewWriter(&upload)
	for _, name := range sortedKeys(c.Contact) {
		if err := w.WriteField(name, c.Contact[name]); err != nil {
			return err
		}
	}
	head := textproto.MIMEHeader{"Content-Type": {"image/png"}, "Content-Disposition": {multipart.FileContentDisposition("photo", c.File)}}
	part, err := w.CreatePart(head)
	if err != nil {
		return err
	}
	photo, err := os.ReadFile(c.photo)
	if err != nil {
		return err
	}
	if _, err := part.Write(photo); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	const form, object = "application/x-www-form-urlencoded", "application/json"
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, q := range []struct {
		method, path, kind string
		body               io.Reader
	}{
		{"GET", "/search?" + values(c.Search).Encode(), "", nil},
		{"POST", "/login", form, strings.NewReader(values(c.Login).Encode())},
		{"POST", "/contact", form, strings.NewReader(values(c.Contact).Encode())},
		{"POST", "/contact", w.FormDataContentType(), &upload},
		{"PUT", "/api/orders/1001", object, bytes.NewReader(c.Order)},
		{"POST", "/api/orders", object, io.MultiReader(bytes.NewReader(c.Order))}, // of a length that it does not know
	} {
		r, err := http.NewRequestWithContext(ctx, q.method, c.base+q.path, q.body)
		if err != nil {
			return err
		}
		if q.kind != "" {
			r.Header.Set("Content-Type", q.kind)
		}
		a, err := client.Do(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, a.Body)
		if err = errors.Join(err, a.Body.Close()); err != nil {
			return err
		}
	}
	return nil
}

// chromium goes from page to page by itself (clients/page.html) until done.
func chromium(ctx context.Context, c *customer, done <-chan struct{}) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	said := &bytes.Buffer{}
	cmd := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server", "--lang=ja", "--accept-lang=ja",
		"--disable-background-networking", "--user-data-dir="+filepath.Join(c.dir, "profile"), "--remote-debugging-port=0", c.base+"/")
	cmd.Stderr, cmd.WaitDelay = said, 10*time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-done:
		stop()
		<-ended
		return nil
	case err := <-ended:
		return fmt.Errorf("ended before it was done: %w: %s", err, said)
	}
}

func values(m map[string]string) url.Values {
	v := url.Values{}
	for name, value := range m {
		v.Set(name, value)
	}
	return v
}

func sortedKeys(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
