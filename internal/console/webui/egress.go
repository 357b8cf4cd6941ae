package webui

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/fault"
)

// egressRoom is the room of what leaves.
type egressRoom struct {
	Comes string // where the preview is asked for again; empty: it is here, or was not asked for
	*office.Egress
	Ask     office.ExitQuestion
	Answer  *office.ExitAnswer  // nil: not asked
	Preview *office.ExitPreview // nil: not asked
	Problem string              // of the question
	Receipt *control.Cuts       // of an order that was given just now
}

func (s *Server) egressPage(r *Request) (templ.Component, error) { return s.egressWith(r, nil) }

func (s *Server) egressWith(r *Request, receipt *control.Cuts) (templ.Component, error) {
	r.page.Title = r.page.T("room_egress")
	e, err := s.Office.Egress(r.Context())
	if err != nil {
		return nil, err
	}
	room := &egressRoom{Egress: e, Receipt: receipt}
	v := r.URL.Query()
	room.Ask = office.ExitQuestion{Client: v.Get("client"), To: v.Get("to"), User: v.Get("user")}
	if room.Ask.To != "" && e.Generation > 0 {
		if room.Answer, err = s.Office.ExplainExit(r.Context(), room.Ask); err != nil {
			f := fault.Faults(err)[0]
			if f.Code == fault.Internal {
				return nil, err
			}
			room.Problem = f.What(r.page.Lang())
		}
	}
	if v.Get("preview") != "" && e.Generation > 0 {
		preview, ready, err := s.behind(r.Context(), r.By()+" "+r.URL.RequestURI(), func(ctx context.Context) (any, error) { return s.Office.PreviewExit(ctx) })
		if err != nil {
			return nil, err
		}
		if ready {
			room.Preview = preview.(*office.ExitPreview)
		} else {
			room.Comes = r.URL.RequestURI()
		}
	}
	return egressView(r.page, room), nil
}

// leastReason is the shortest reason of an order, in characters.
const leastReason = 4

// reason reads why somebody orders something.
func reason(r *Request) (string, error) {
	text := strings.TrimSpace(r.PostFormValue("reason"))
	if len([]rune(text)) < leastReason {
		return "", fault.New(fault.ConsoleForm, "problem", "an order needs a reason of at least four characters", "hint", "write why; the ledger keeps it")
	}
	return text, nil
}

// egressCut cuts on all routes, and shows what each gate answered.
func (s *Server) egressCut(r *Request) (templ.Component, error) {
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	length, err := time.ParseDuration(r.PostFormValue("for"))
	if err != nil {
		return nil, fault.New(fault.ConsoleForm, "problem", "no length of time is given", "hint", "30m, 4h, 72h")
	}
	order := control.CutOrder{Target: strings.TrimSpace(r.PostFormValue("target")), For: length, By: r.By(), Reason: why, Case: strings.TrimSpace(r.PostFormValue("case"))}
	if r.PostFormValue("all") != "" {
		order.As, order.Target = "all", ""
	}
	cuts, err := s.Office.OrderCut(r.Context(), order)
	if err != nil {
		return nil, err
	}
	return s.egressWith(r, &cuts)
}

// egressLift takes a cut back.
func (s *Server) egressLift(r *Request) (templ.Component, error) {
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	cuts, err := s.Office.LiftCut(r.Context(), control.CutLift{IDs: r.PostForm["id"], By: r.By(), Reason: why})
	if err != nil {
		return nil, err
	}
	return s.egressWith(r, &cuts)
}

// orDash shows that there is nothing.
func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func hostPort(host string, port uint16) string {
	if port == 0 {
		return host
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// cutTarget is what is cut, in words.
func cutTarget(p *Page, kind, target string) string {
	if target == "" {
		return p.T("cut_everything")
	}
	return p.T("cut_kind_"+kind) + " " + target
}

// maxChanges bounds the changes of a preview that are listed.
const maxChanges = 100

// joined joins names in the person's language.
func joined(p *Page, names []string) string { return strings.Join(names, p.T("comma")) }
