package exit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// span is a part of each of some days of the week, in minutes of the day. One
// whose end is not after its begin goes on into the next day.
type span struct {
	days     [7]bool
	from, to int
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseSpan reads "mon-fri 08:00-20:00", "sat,sun 00:00-24:00", "22:00-06:00".
func parseSpan(text string) (span, error) {
	var s span
	days, hours, found := strings.Cut(text, " ")
	if !found {
		days, hours = "sun-sat", text
	}
	for _, part := range strings.Split(days, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, b := day(from), day(to)
		if a < 0 || b < 0 {
			return s, fmt.Errorf("%q is no day of the week", part)
		}
		for ; ; a = (a + 1) % 7 {
			s.days[a] = true
			if a == b {
				break
			}
		}
	}
	from, to, _ := strings.Cut(hours, "-")
	var ok, ok2 bool
	s.from, ok = minute(from)
	s.to, ok2 = minute(to)
	if !ok || !ok2 {
		return s, fmt.Errorf("%q is no time of the day", hours)
	}
	return s, nil
}

func day(name string) int {
	for i, d := range dayNames {
		if d == name {
			return i
		}
	}
	return -1
}

func minute(text string) (int, bool) {
	h, m, found := strings.Cut(text, ":")
	hour, err := strconv.Atoi(h)
	min, err2 := strconv.Atoi(m)
	ok := found && err == nil && err2 == nil && hour >= 0 && min >= 0 && min < 60 && hour*60+min <= 24*60
	return hour*60 + min, ok
}

// holds reports whether local, whose clock shows the policy's zone, is in s.
func (s *span) holds(local time.Time) bool {
	today := int(local.Weekday())
	at := local.Hour()*60 + local.Minute()
	if s.from < s.to {
		return s.days[today] && at >= s.from && at < s.to
	}
	return s.days[today] && at >= s.from || s.days[(today+6)%7] && at < s.to
}

// parseZone reads an offset such as "+09:00".
func parseZone(text string) (*time.Location, error) {
	t, err := time.Parse("-07:00", text)
	if err != nil {
		return nil, fmt.Errorf("%q is no offset from UTC", text)
	}
	_, offset := t.Zone()
	return time.FixedZone(text, offset), nil
}
