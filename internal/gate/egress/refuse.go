package egress

import (
	"fmt"
	"net/http"

	"sekisho/internal/event"
	"sekisho/internal/policy/exit"
)

// malformed records something that is no request, and returns its event id.
// err is one of our own and holds nothing of the input.
func (c *client) malformed(protocol string, err error) string {
	g := c.gate
	e := &event.Flow{ID: newID(), Place: g.cfg.Place, Protocol: protocol, Client: c.address.String(), User: c.cert, Action: "refuse", Step: "form", Rule: "form",
		Reason: err.Error(), Policy: string(g.cfg.Policy().Digest()), Cuts: g.flows.Generation()}
	g.record(e)
	return e.ID
}

// status is the HTTP status of a refusal, and its Proxy-Status error (RFC
// 9209, 2.3).
func (r *refusal) status() (int, string) {
	switch r.kind {
	case loginNeeded:
		return http.StatusProxyAuthRequired, "http_request_denied"
	case malformedly:
		return http.StatusBadRequest, "http_request_error"
	case unreachable:
		return http.StatusBadGateway, "destination_unavailable"
	case unrecorded, busy:
		return http.StatusServiceUnavailable, "proxy_internal_response"
	}
	return http.StatusForbidden, "http_request_denied"
}

// page is what a person is told: in Japanese and English, with the event's id
// and a code, never with the rule.
func (r *refusal) page() string {
	ja, en := "この宛先への通信は許可されていません。業務に必要な場合は、下の番号を添えて管理者へお知らせください。", "This destination is not allowed. If your work needs it, tell the administrator the number below."
	switch r.kind {
	case loginNeeded:
		ja, en = "利用者名とパスワードが必要です。", "A user name and password are needed."
	case malformedly:
		ja, en = "要求の形が正しくありません。", "This is not a valid request."
	case unreachable:
		ja, en = "宛先に接続できません。", "The destination cannot be reached."
	case unrecorded, busy:
		ja, en = "ただいま通信できません。しばらくしてからもう一度お試しください。", "Not possible at the moment. Please try again in a while."
	}
	return fmt.Sprintf("%s\n%s\n\n番号 / event: %s (%s)\n", ja, en, r.id, r.code)
}

// header sets the fields of a refusal.
func (r *refusal) header(set func(name, value string)) {
	_, problem := r.status()
	set("Content-Type", "text/plain; charset=utf-8")
	set("Cache-Control", "no-store")
	set("Proxy-Status", fmt.Sprintf("sekisho; error=%s; details=%q", problem, r.code+" "+r.id))
	set("X-Content-Type-Options", "nosniff")
	if r.kind == loginNeeded {
		set("Proxy-Authenticate", `Basic realm="sekisho", charset="UTF-8"`)
	}
}

// refuseHTTP answers a CONNECT request.
func (c *client) refuseHTTP(r refusal) {
	status, _ := r.status()
	page := r.page()
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	r.header(func(name, value string) { head += name + ": " + value + "\r\n" })
	head += fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(page), page)
	_, _ = c.Write([]byte(head)) // a client that is gone needs no answer
}

// refuseRequest answers a request of the HTTP server.
func refuseRequest(w http.ResponseWriter, r refusal) {
	status, _ := r.status()
	r.header(w.Header().Set)
	w.Header().Set("Connection", "close") // the rest of the body is not read
	w.WriteHeader(status)
	_, _ = w.Write([]byte(r.page()))
}

// request is what the policy is asked about a client.
func (c *client) request(t exit.Target) exit.Request {
	return exit.Request{Certificate: c.cert, Client: c.address, Target: t}
}
