package rule

import "time"

// Japanese public holidays, computed from the Act on National Holidays (国民の
// 祝日に関する法律, Act 178 of 1948) as amended, articles 2 and 3, and the special
// acts for 2019, 2020 and 2021.
//
// The equinoxes are announced for one year at a time, in February of the year
// before (暦要項). The formula is that of the hydrographic department for 1980
// to 2099. FirstYear to LastYear are the years whose days are fixed; for others
// the answer is a forecast and Covers says so.
const (
	FirstYear = 2007 // since then: Greener Day on 4 May, the present article 3
	LastYear  = 2027 // announced in February 2026
)

// Covers reports whether the holidays of the year are certain.
func Covers(year int) bool { return year >= FirstYear && year <= LastYear }

type day struct {
	year  int
	month time.Month
	day   int
}

func dayOf(t time.Time) day { y, m, d := t.Date(); return day{y, m, d} }

func (d day) weekday() time.Weekday {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Weekday()
}

func (d day) add(n int) day { return dayOf(time.Date(d.year, d.month, d.day+n, 0, 0, 0, 0, time.UTC)) }

// Holiday reports whether the date (of t's own zone) is a public holiday.
func Holiday(t time.Time) bool { return dayOf(t).holiday() }

func (d day) holiday() bool {
	if d.named() {
		return true
	}
	// Article 3(2): a holiday on Sunday moves to the next day that is none.
	for back := d.add(-1); back.named(); back = back.add(-1) {
		if back.weekday() == time.Sunday {
			return true
		}
	}
	// Article 3(3): a day between two holidays.
	return d.add(-1).named() && d.add(1).named() && d.weekday() != time.Sunday
}

// named reports a day of article 2 or of a special act.
func (d day) named() bool {
	switch d.year {
	case 2019: // Act 99 of 2018: accession and enthronement
		if d == (day{2019, 5, 1}) || d == (day{2019, 10, 22}) {
			return true
		}
	case 2020, 2021: // Tokyo Olympics (Acts 55 of 2018 and 68 of 2020)
		if sea, sport, hill := olympic(d.year); d == sea || d == sport || d == hill {
			return true
		} else if d.month == 7 || d.month == 8 || d.month == 10 {
			return false
		}
	}
	switch struct {
		m time.Month
		d int
	}{d.month, d.day} {
	case on{1, 1}, on{2, 11}, on{4, 29}, on{5, 3}, on{5, 4}, on{5, 5}, on{11, 3}, on{11, 23}:
		return true
	case on{8, 11}:
		return d.year >= 2016
	case on{2, 23}:
		return d.year >= 2020
	case on{12, 23}:
		return d.year <= 2018
	}
	monday := d.weekday() == time.Monday
	nth := (d.day + 6) / 7
	switch d.month {
	case 1, 10:
		return monday && nth == 2
	case 7:
		return monday && nth == 3
	case 3:
		return d.day == equinox(d.year, 20.8431)
	case 9:
		return monday && nth == 3 || d.day == equinox(d.year, 23.2488)
	}
	return false
}

type on = struct {
	m time.Month
	d int
}

func olympic(year int) (sea, sport, hill day) {
	if year == 2020 {
		return day{2020, 7, 23}, day{2020, 7, 24}, day{2020, 8, 10}
	}
	return day{2021, 7, 22}, day{2021, 7, 23}, day{2021, 8, 8}
}

// equinox is the day of the month; base is that of 1980.
func equinox(year int, base float64) int {
	n := year - 1980
	return int(base+0.242194*float64(n)) - n/4
}

// closed reports a day on which Japanese offices are shut: Saturday, Sunday, a
// holiday, and 29 December to 3 January (行政機関の休日に関する法律 art. 1).
func (d day) closed() bool {
	w := d.weekday()
	yearEnd := d.month == 12 && d.day >= 29 || d.month == 1 && d.day <= 3
	return w == time.Saturday || w == time.Sunday || yearEnd || d.holiday()
}

// Closed reports whether offices in Japan are shut on t's date in Japan.
func Closed(t time.Time) bool { return dayOf(t.In(Tokyo)).closed() }

// Tokyo is Japan's time, which has had no summer time since 1952.
var Tokyo = time.FixedZone("JST", 9*3600)
