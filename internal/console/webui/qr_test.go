package webui

import (
	"encoding/xml"
	"fmt"
	"html"
	"image"
	"image/color"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"

	"sekisho/internal/console/account"
)

// painted paints a path of drawModules as its words say, and refuses others.
func painted(t *testing.T, size int, path string) *image.Gray {
	t.Helper()
	out := image.NewGray(image.Rect(0, 0, size, size))
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	for run := range strings.SplitSeq(strings.TrimSuffix(path, "z"), "z") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || n < 1 || n != back {
			t.Fatalf("a run %q: %v", run, err)
		}
		for i := range n {
			if !(image.Point{x + i, y}).In(out.Rect) || out.GrayAt(x+i, y).Y == 0 {
				t.Fatalf("the run %q leaves the picture or meets another", run)
			}
			out.SetGray(x+i, y, color.Gray{})
		}
	}
	return out
}

// TestDrawQR: the picture has each module of the code where it belongs, with
// four light ones around.
func TestDrawQR(t *testing.T) {
	for _, name := range []string{"a", "console", strings.Repeat("a", 64)} {
		link := account.Key("12345678901234567890").Link(name)
		code, err := qr.Encode(link, qr.M, qr.Unicode)
		if err != nil {
			t.Fatal(err)
		}
		got := drawQR(link)
		side := code.Bounds().Dx()
		if got.Size != side+8 {
			t.Fatalf("%s: %d modules, want %d", name, got.Size, side+8)
		}
		picture := painted(t, got.Size, got.Path)
		dark := 0
		for y := range got.Size {
			for x := range got.Size {
				want := false
				if (image.Point{x - 4, y - 4}).In(code.Bounds()) {
					want = code.At(x-4, y-4) == color.Color(color.Black) || code.At(x-4, y-4) == color.Color(color.Gray16{})
				}
				if want {
					dark++
				}
				if (picture.GrayAt(x, y).Y == 0) != want {
					t.Fatalf("%s: the module %d, %d is drawn wrong", name, x, y)
				}
			}
		}
		// Half of a code is dark, about: a picture of nothing is none.
		if dark < side*side/3 || dark > side*side*2/3 {
			t.Errorf("%s: %d of %d modules are dark", name, dark, side*side)
		}
	}
	if got := drawQR(strings.Repeat("a", 5000)); got != (qrPicture{}) {
		t.Errorf("what fits no code: %d modules", got.Size)
	}
}

// TestQROnPages: where a secret is shown, its code is drawn, for the link and
// the secret of the same page, dark on light, with a name for who does not see.
func TestQROnPages(t *testing.T) {
	s, f := newServer(t)
	first, err := s.Accounts.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	guest := &desktop{t: t, server: s, firm: f}
	firstPage := text(t, guest.visit("GET", "/join?invite="+first, nil))
	ayame := enter(t, s, f, "ayame", account.Officer)
	invited, err := s.Accounts.Invite(t.Context(), "ayame", "ren", []account.Role{account.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"console": firstPage, "ren": text(t, guest.visit("GET", "/join?invite="+invited, nil)), "ayame": text(t, ayame.visit("GET", "/me", nil))}
	for name, page := range pages {
		key := regexp.MustCompile(`name="key" value="([A-Z2-7]{32})"`).FindStringSubmatch(page)
		link := regexp.MustCompile(`href="(otpauth:[^"]+)"`).FindStringSubmatch(page)
		svg := regexp.MustCompile(`(?s)<svg class="qr".*?</svg>`).FindAllString(page, -1)
		if key == nil || link == nil || len(svg) != 1 || len(page) > 200_000 {
			t.Fatalf("%s: key %v, link %v, %d pictures, %d bytes", name, key, link, len(svg), len(page))
		}
		u, err := url.Parse(html.UnescapeString(link[1]))
		if err != nil || u.Query().Get("secret") != key[1] || u.Path != "/Sekisho:"+name || !strings.Contains(page, "<code>"+spaced(key[1])+"</code>") {
			t.Errorf("%s: %v, %v", name, u, err)
		}
		want := drawQR(html.UnescapeString(link[1]))
		var got []string
		for d := xml.NewDecoder(strings.NewReader(svg[0])); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if e, ok := token.(xml.StartElement); ok {
				text := e.Name.Local
				for _, a := range e.Attr {
					text += " " + a.Name.Local + "=" + a.Value
				}
				got = append(got, text)
			}
		}
		wants := []string{
			fmt.Sprintf("svg class=qr viewBox=0 0 %d %d role=img aria-label=QR code with the secret that stands beside it shape-rendering=crispEdges", want.Size, want.Size),
			fmt.Sprintf("rect width=%d height=%d fill=#fff", want.Size, want.Size),
			"path d=" + want.Path + " fill=#000",
		}
		if strings.Join(got, "\n") != strings.Join(wants, "\n") {
			t.Errorf("%s: drawn\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(wants, "\n"))
		}
	}
}
