package revproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refuse records a refusal and answers it. The request is recorded with it.
func (x *exchange) refuse(w http.ResponseWriter, r *http.Request, f refusal) {
	if c := x.ended.Load(); c != nil { // whatever else came of it
		f = forbidden(c.entry)
	}
	x.record(r.Context(), x.opening(r), x.decision(f))
	x.page(w, r, f)
}

// page answers with the reason in plain words, in the language that the
// client asks for, and the id of the event; never with the rule.
func (x *exchange) page(w http.ResponseWriter, r *http.Request, f refusal) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Connection", "close") // the rest of the body is not read
	text := words(r.Header.Get("Accept-Language"), f)
	if strings.Contains(r.Header.Get("Accept"), "json") || strings.Contains(r.Header.Get("Content-Type"), "json") {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(f.status)
		// RFC 9457. What cannot be written to a client that is gone is no loss.
		_ = json.NewEncoder(w).Encode(map[string]any{"title": text.Title, "detail": text.Detail, "status": f.status, "code": f.code, "event": x.id})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(f.status)
	_ = refusalPage.Execute(w, struct {
		wording
		Code, Event string
	}{text, f.code, x.id})
}

type wording struct{ Language, Title, Detail, Number string }

// words are what a visitor is told.
func words(accept string, f refusal) wording {
	japanese := prefersJapanese(accept)
	pick := func(ja, en [2]string) wording {
		if japanese {
			return wording{"ja", ja[0], ja[1], "お問い合わせ番号"}
		}
		return wording{"en", en[0], en[1], "Reference"}
	}
	switch f.code {
	case codeCut:
		return pick([2]string{"この通信は遮断しています", "安全を確かめているため、ただいまご利用いただけません。お心当たりがない場合は、下の番号を添えてサイトの窓口へお知らせください。"}, [2]string{"This access is cut", "We are checking that everything is safe, and nothing passes for now. If you did nothing unusual, tell the site the reference below."})
	case codeSiteStopped:
		return pick([2]string{"ただいまメンテナンス中です", "ご不便をおかけいたします。しばらくしてからもう一度お越しください。"}, [2]string{"This site is under maintenance", "We are sorry for the inconvenience. Please come back in a while."})
	case codeLogins:
		return pick([2]string{"ログインを停止しています", "ログインの失敗が続いたため、しばらく受け付けません。時間をおいてもう一度お試しください。"}, [2]string{"Logins are stopped for a while", "Too many logins failed. Please try again later."})
	case codeTooMany:
		return pick([2]string{"表示を停止しました", "短い時間に多くの方の情報が表示されたため、この閲覧を停止しました。お心当たりがない場合は、下の番号を添えてサイトの窓口へお知らせください。"}, [2]string{"This visit was stopped", "It was shown the data of many persons in a short time. If you did nothing unusual, tell the site the reference below."})
	case codePaymentStopped, codePage:
		return pick([2]string{"お支払いの受け付けを停止しています", "安全を確かめているため、ただいまお支払いいただけません。これまでのご予約はそのままです。"}, [2]string{"Payments are stopped", "We are checking that everything is safe and take no payments for now. Your bookings are kept."})
	}
	switch f.status {
	case http.StatusMisdirectedRequest:
		return pick([2]string{"このサイトはありません", "アドレスをご確認ください。"}, [2]string{"There is no such site", "Please check the address."})
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusInternalServerError:
		return pick([2]string{"ただいま応答できません", "しばらくしてからもう一度お試しください。"}, [2]string{"No answer at the moment", "Please try again in a while."})
	case http.StatusRequestTimeout:
		return pick([2]string{"送信が途中で止まりました", "もう一度送信してください。"}, [2]string{"The request did not arrive", "Please send it again."})
	case http.StatusMethodNotAllowed:
		return pick([2]string{"この方法では受け付けられません", "画面からやり直してください。"}, [2]string{"This method is not accepted", "Please start again from the page."})
	case http.StatusRequestEntityTooLarge:
		return pick([2]string{"送信された内容が大きすぎます", "小さくしてもう一度お試しください。"}, [2]string{"The request is too large", "Please make it smaller and try again."})
	case http.StatusUnsupportedMediaType:
		return pick([2]string{"この形式では受け付けられません", "圧縮せずに送信してください。"}, [2]string{"This encoding is not accepted", "Please send it without compression."})
	}
	return pick([2]string{"この送信は受け付けられませんでした", "カード番号や使用できない文字が含まれている可能性があります。内容をご確認ください。お心当たりがない場合は、下の番号を添えてサイトの窓口へお知らせください。"},
		[2]string{"This request was not accepted", "It may hold a card number or characters that are not allowed. Please check it; if you cannot find any, tell the site the reference below."})
}

// prefersJapanese reports whether Japanese stands before English in an
// Accept-Language header, or neither does: our visitors are in Japan.
func prefersJapanese(accept string) bool {
	accept = strings.ToLower(accept)
	ja, en := strings.Index(accept, "ja"), strings.Index(accept, "en")
	return ja >= 0 && (en < 0 || ja < en) || ja < 0 && en < 0
}

var refusalPage = template.Must(template.New("refusal").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title><style>body{font-family:sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem;line-height:1.7}code{font-size:1.1em}</style></head>
<body><h1>{{.Title}}</h1><p>{{.Detail}}</p><p>{{.Number}}: <code>{{.Event}}</code> ({{.Code}})</p></body></html>
`))

// failed answers when the upstream could not be asked or its response was
// refused.
func (g *Gate) failed(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r)
	var refused errRefused
	switch {
	case x.ended.Load() != nil: // close says so
	case errors.As(err, &refused):
		x.end.Outcome = "refused"
		x.page(w, r, refused.refusal)
	case errors.Is(err, errCard):
		x.end.Outcome = "refused"
		x.page(w, r, refusal{status: http.StatusForbidden, code: "SK3402"})
	case errors.Is(err, context.Canceled):
		x.end.Outcome = "aborted"
	case x.broken.Load() != nil: // the client's doing, and no outage
		x.end.Outcome = "aborted"
		f := unreadBody(r, *x.broken.Load())
		f.action = "cut"
		x.record(context.Background(), x.decision(f))
		x.page(w, r, f)
	default:
		x.end.Outcome = "upstream"
		g.counts.failed.Add(1)
		if !x.unseen {
			g.unanswered(x, time.Now(), err)
		}
		x.page(w, r, refusal{status: http.StatusBadGateway, code: codeUpstream})
	}
}

// cause names what is wrong with an upstream without the address or data.
func cause(err error) string {
	var answered badStatus
	if errors.As(err, &answered) {
		return answered.Error()
	}
	text := err.Error()
	for _, known := range []string{"connection refused", "no such host", "timeout", "connection reset", "EOF", "certificate", "malformed"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	return "error of type " + strconv.Quote(fmt.Sprintf("%T", err))
}
