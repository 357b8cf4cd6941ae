package corpus

import (
	"fmt"
)

const hexDigits = "0123456789abcdef"

func (m *Maker) uuid() string {
	h := m.letters(hexDigits, 32)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (m *Maker) stamp() string {
	return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d.%03dZ", 20+m.r.IntN(7), 1+m.r.IntN(12), 1+m.r.IntN(28), m.r.IntN(24), m.r.IntN(60), m.r.IntN(60), m.r.IntN(1000))
}

// ean13 returns a JAN code with its check digit (weights 1 and 3).
func (m *Maker) ean13() string {
	s := pick(m, "45", "49") + m.random(10)
	sum := 0
	for i, c := range s {
		sum += int(c-'0') * (1 + i%2*2)
	}
	return s + fmt.Sprint((10-sum%10)%10)
}

// NearMiss adds a number that is nobody's data and looks like it.
func (m *Maker) NearMiss() string {
	switch m.r.IntN(26) {
	case 0:
		return "order_id=" + m.random(16)
	case 1:
		return "注文番号 " + m.random(pick(m, 14, 15, 16))
	case 2:
		return "tracking " + m.random(pick(m, 12, 15, 16))
	case 3:
		return "伝票番号 " + group(m.random(12), []int{4, 4, 4}, "-")
	case 4:
		return "JAN " + m.ean13()
	case 5:
		return m.ean13()
	case 6:
		return "imei=" + mod10(pick(m, "35", "86", "01")+m.random(12))
	case 7:
		return fmt.Sprint(1600000000000 + m.r.Int64N(180000000000))
	case 8:
		return "ts=" + fmt.Sprint(1600000000000000+m.r.Int64N(180000000000000))
	case 9:
		return m.uuid()
	case 10:
		return "sha256:" + m.letters(hexDigits, 64)
	case 11:
		return fmt.Sprintf("width: %d.%s%%", m.r.IntN(100), m.random(14))
	case 12:
		return "opacity:." + m.random(16)
	case 13:
		return "id " + fmt.Sprint(1000000000000000000+m.r.Int64N(900000000000000000))
	case 14:
		return fmt.Sprintf("20%02d%02d%02d%s", 20+m.r.IntN(7), 1+m.r.IntN(12), 1+m.r.IntN(28), m.random(pick(m, 6, 8, 9)))
	case 15:
		return "ISBN 978-4-" + m.random(2) + "-" + m.random(6) + "-" + m.random(1)
	case 16:
		return "DE" + m.random(2) + " " + group(m.random(18), []int{4, 4, 4, 4, 2}, " ")
	case 17:
		return "serial " + m.letters("ABCDEFGHJKLMNPRSTUVWXYZ", 3) + "-" + m.random(13)
	case 18:
		return "version " + m.random(1) + "." + m.random(2) + "." + m.random(1)
	case 19:
		return fmt.Sprintf("%d, %d, %d", m.r.IntN(10000), m.r.IntN(10000), m.r.IntN(10000))
	case 21:
		return m.random(pick(m, 15, 16, 19)) // nothing says what it is
	case 22:
		return "ポイント会員番号 " + group(m.random(16), []int{4, 4, 4, 4}, pick(m, "-", " "))
	case 23:
		return "3," + m.random(16) + ",x"
	case 24:
		return "sv " + pick(m, "35", "86") + m.random(14)
	case 20:
		return "SKU-" + m.random(4) + "-" + m.random(4)
	}
	return "rev " + m.letters(hexDigits, 40)
}

var paths = []string{"/", "/index.html", "/api/v1/items", "/static/app.9f3ab2.js", "/search?q=tokyo%20hotel", "/cart", "/login", "/images/top.png", "/favicon.ico", "/api/v2/rooms?from=2024-03-01&to=2024-03-04"}
var agents = []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", "curl/7.88.1", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15"}
var messages = []string{"connection pool exhausted, waiting", "cache miss", "retrying upstream after timeout", "job finished", "config reloaded", "user session expired", "slow query took", "compaction done", "leader elected", "flushed memtable"}

func (m *Maker) logLine() {
	ip := fmt.Sprintf("10.%d.%d.%d", m.r.IntN(256), m.r.IntN(256), 1+m.r.IntN(254))
	switch m.r.IntN(3) {
	case 0:
		m.data("ip_address", ip)
		m.say(" - - [%02d/Mar/2024:%02d:%02d:%02d +0900] \"GET %s HTTP/1.1\" %d %d \"-\" \"%s\"\n", 1+m.r.IntN(28), m.r.IntN(24), m.r.IntN(60), m.r.IntN(60), pick(m, paths...), pick(m, 200, 200, 304, 404), m.r.IntN(100000), pick(m, agents...))
	case 1:
		m.say("{\"time\":\"%s\",\"level\":\"info\",\"msg\":\"%s\",\"trace_id\":\"%s\",\"duration_ms\":%d.%d,\"component\":\"%s\"}\n", m.stamp(), pick(m, messages...), m.letters(hexDigits, 32), m.r.IntN(1000), m.r.IntN(1000), pick(m, "api", "worker", "billing", "search"))
	default:
		m.say("%s INFO [%s-%d] com.example.%s - %s %dms\n", m.stamp(), pick(m, "main", "worker", "http-nio"), m.r.IntN(32), pick(m, "OrderService", "RoomIndex", "Mailer"), pick(m, messages...), m.r.IntN(5000))
	}
}

// Logs returns about size bytes of ordinary logs: times, paths, traces, and now
// and then a number that is no card or is one.
func (m *Maker) Logs(size int) Text {
	for len(m.text.Bytes) < size {
		m.logLine()
		switch m.r.IntN(400) {
		case 0:
			m.say("%s WARN payment failed card=", m.stamp())
			m.data("card.pan", m.spelling(m.Card()))
			m.say(" code=05\n")
		case 1, 2, 3, 4, 5, 6, 7, 8:
			m.say("%s DEBUG %s\n", m.stamp(), m.NearMiss())
		}
	}
	return m.take()
}

// prose returns Japanese sentences without personal data.
func (m *Maker) prose() string {
	return pick(m, "お客様からのお問い合わせは以下のとおりです。", "本日の会議は午後三時から第二会議室で行います。", "予約の変更を希望されています。", "先日の件、確認のうえ折り返しご連絡いたします。",
		"在庫が不足しているため、発送が遅れる見込みです。", "システムの保守を日曜日の深夜に実施します。", "請求書は郵送で届いたとのことです。", "特に問題はありませんでした。")
}
