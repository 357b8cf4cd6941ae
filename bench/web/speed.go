package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// kind is one kind of traffic.
type kind struct {
	name     string
	requests []request // in turn
	conns    int
}

type request struct {
	method, target, contentType string
	body                        []byte
	attack                      bool
}

const japaneseText = "このたびは貴社の宿泊プランについてお伺いしたくご連絡いたしました。来月の三連休に大人二名と子ども一名で伺う予定ですが、海の見えるお部屋は空いておりますでしょうか。"

const asciiText = "I would like to ask about your plans for the coming holidays. We are two adults and one child and would prefer a room with a view of the sea. "

// kinds are what is measured. Texts differ from request to request, as those
// of people do.
func kinds() []kind {
	form := func(text string) request {
		v := url.Values{"name": {"山田 太郎"}, "email": {"taro@example.jp"}, "subject": {"お問い合わせ"}, "comment": {text}}
		return request{method: "POST", target: "/contact", contentType: "application/x-www-form-urlencoded", body: []byte(v.Encode())}
	}
	long := func(text string, size, i int) string {
		var b strings.Builder
		for n := 0; b.Len() < size; n++ {
			fmt.Fprintf(&b, "%s(%d-%d)", text, i, n)
		}
		return b.String()
	}
	var ja, ascii, inJSON, get, attack, big []request
	for i := range 50 {
		ja = append(ja, form(long(japaneseText, 1800, i)))
		ascii = append(ascii, form(long(asciiText, 1800, i)))
		text, err := json.Marshal(map[string]any{"guest": map[string]any{"name": "山田 太郎", "note": long(japaneseText, 1600, i)}, "nights": i % 7, "rooms": []string{"和室", "洋室"}})
		if err != nil {
			panic("bench-web: " + err.Error()) // our own map
		}
		inJSON = append(inJSON, request{method: "POST", target: "/api/bookings", contentType: "application/json", body: text})
		get = append(get, request{method: "GET", target: "/plans?area=" + url.QueryEscape("札幌") + fmt.Sprintf("&page=%d&sort=price", i)})
		attack = append(attack, form(long(japaneseText, 1800, i)))
		if i%10 == 0 {
			bad := form(fmt.Sprintf("%d' union select login,password from members -- ", i))
			bad.attack = true
			attack[i] = bad
		}
	}
	for i := range 3 {
		big = append(big, form(long(japaneseText, 33000, i))) // three bytes a character, each as %XX
	}
	return []kind{
		{name: "form_ja", requests: ja, conns: 8}, {name: "form_ascii", requests: ascii, conns: 8}, {name: "json", requests: inJSON, conns: 8},
		{name: "get", requests: get, conns: 8}, {name: "attack", requests: attack, conns: 8}, {name: "100k", requests: big, conns: 2},
		{name: "two", requests: ja, conns: 2},
	}
}

// sample is what one round of one kind at one program came to.
type sample struct {
	perCPU float64 // requests a CPU second
	p99    time.Duration
	wrong  float64 // share of wrong answers
}

// chosen returns the kinds of the names in a list, all of them for none.
func chosen(list string) []kind {
	return slices.DeleteFunc(kinds(), func(k kind) bool {
		return list != "" && !slices.Contains(strings.Split(list, ","), k.name)
	})
}

// profile loads the gate alone.
func profile(ctx context.Context, program, only string, length time.Duration) error {
	l, err := newLab(ctx, program, false)
	defer l.close()
	if err != nil {
		return err
	}
	for _, k := range chosen(only) {
		fmt.Printf("# %s at process %d\n", k.name, l.proxies[0].cmd.Process.Pid)
		s, err := k.load(ctx, l.proxies[0], length)
		if err != nil {
			return err
		}
		fmt.Printf("%s %.0f µs of CPU a request, p99 %v\n", k.name, 1e6/s.perCPU, s.p99)
	}
	return nil
}

func speed(ctx context.Context, program, only string, rounds int, length time.Duration) error {
	l, err := newLab(ctx, program, true)
	defer l.close()
	if err != nil {
		return err
	}
	kinds := chosen(only)
	fmt.Printf("# %s, %d CPUs, %s/%s, %d rounds of %v\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, rounds, length)
	all := map[string]map[string][]sample{} // kind → program → rounds
	for _, k := range kinds {
		all[k.name] = map[string][]sample{}
	}
	for round := range rounds + 1 {
		for _, k := range kinds {
			for _, p := range l.proxies {
				s, err := k.load(ctx, p, length)
				if err != nil {
					return fmt.Errorf("%s at %s: %w", k.name, p.name, err)
				}
				if round > 0 { // the first warms up
					all[k.name][p.name] = append(all[k.name][p.name], s)
				}
			}
		}
	}
	report(all)
	return nil
}

func report(all map[string]map[string][]sample) {
	perCPU := func(s sample) float64 { return s.perCPU }
	ratio := func(k, peer string) float64 {
		var r []float64
		for i, s := range all[k]["sekisho"] {
			fmt.Printf("SAMPLE web_%s_vs_%s %.1f %.1f\n", k, peer, s.perCPU, all[k][peer][i].perCPU)
			if w := all[k][peer][i].wrong; w > 0 {
				fmt.Printf("# %s answered %.1f %% of %s wrongly\n", peer, 100*w, k)
			}
			r = append(r, perCPU(s)/perCPU(all[k][peer][i]))
		}
		return median(r)
	}
	least := func(of []string, peer string) (float64, bool) {
		worst, any := 0.0, false
		for _, k := range of {
			if len(all[k]["sekisho"]) > 0 {
				if r := ratio(k, peer); !any || r < worst {
					worst, any = r, true
				}
			}
		}
		return worst, any
	}
	for _, peer := range []string{"modsecurity", "modsecurity_our_crs"} {
		for _, row := range []struct {
			name  string
			kinds []string
		}{{"form", []string{"form_ja", "form_ascii"}}, {"json", []string{"json"}}, {"get", []string{"get"}}, {"attack", []string{"attack"}}, {"100k", []string{"100k"}}} {
			if r, any := least(row.kinds, peer); any {
				fmt.Printf("RATIO web_%s_vs_%s %.2f\n", row.name, peer, r)
			}
		}
		var r []float64
		for i, s := range all["two"]["sekisho"] {
			fmt.Printf("SAMPLE web_p99_ms_vs_%s %.2f %.2f\n", peer, s.p99.Seconds()*1e3, all["two"][peer][i].p99.Seconds()*1e3)
			r = append(r, s.p99.Seconds()/all["two"][peer][i].p99.Seconds())
		}
		if len(r) > 0 {
			fmt.Printf("RATIO web_p99_vs_%s %.2f\n", peer, median(r))
		}
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// load sends requests for a time and checks every answer.
func (k *kind) load(ctx context.Context, p *proxy, length time.Duration) (sample, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: k.conns, DisableCompression: true}}
	defer client.CloseIdleConnections()
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	var (
		mu       sync.Mutex // guards what follows
		took     []time.Duration
		wrong    error
		mistakes int
		next     int
		wg       sync.WaitGroup
	)
	end := time.Now().Add(length)
	for range k.conns {
		wg.Go(func() {
			for time.Now().Before(end) {
				mu.Lock()
				r := &k.requests[next%len(k.requests)]
				next++
				mu.Unlock()
				begin := time.Now()
				err := r.send(ctx, client, p.addr)
				mu.Lock()
				took = append(took, time.Since(begin))
				if errors.Is(err, errWrong) && p.name != "sekisho" {
					mistakes, err = mistakes+1, nil // counted: the peers block Japanese
				}
				wrong = errors.Join(wrong, err)
				stop := wrong != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	wg.Wait()
	if wrong != nil {
		return sample{}, wrong
	}
	after, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	slices.Sort(took)
	spent := max(after-before, 10*time.Millisecond)
	return sample{perCPU: float64(len(took)) / spent.Seconds(), p99: took[len(took)*99/100], wrong: float64(mistakes) / float64(len(took))}, nil
}

// errWrong says that an attack passed or an ordinary request did not.
var errWrong = errors.New("wrong answer")

// send sends a request. The error is errWrong when the answer is not right.
func (r *request) send(ctx context.Context, client *http.Client, addr string) error {
	req, err := http.NewRequestWithContext(ctx, r.method, "http://"+addr+r.target, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	req.Host = "shop.example.jp"
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")
	req.Header.Set("Accept", "text/html,*/*")
	req.Header.Set("Accept-Language", "ja")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	a, err := client.Do(req)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	n, err := io.Copy(io.Discard, a.Body)
	switch {
	case err != nil:
		return err
	case r.attack && a.StatusCode != http.StatusForbidden:
		return fmt.Errorf("%w: an attack was answered with %s", errWrong, a.Status)
	case !r.attack && (a.StatusCode != http.StatusOK || n != int64(len(page))):
		return fmt.Errorf("%w: %s %s was answered with %s and %d bytes", errWrong, r.method, r.target, a.Status, n)
	}
	return nil
}
