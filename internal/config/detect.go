package config

import (
	"fmt"
	"time"
)

// Detect says what is known about what leaves. Detection runs without it.
type Detect struct {
	Servers []string        `yaml:"servers,omitempty" doc:"Roles of the egress policy whose hosts are servers: their first contact with a destination is raised. A host that reads at a database gate is one without being named."`
	Lists   []IndicatorList `yaml:"lists,omitempty" doc:"Lists of destinations that are known to be bad. Read at the start."`
}

// IndicatorList is a list of destinations that are known to be bad.
type IndicatorList struct {
	File      string `yaml:"file" doc:"Names, addresses and URLs: plain text, CSV or a STIX 2.1 bundle. Required."`
	Name      string `yaml:"name,omitempty" doc:"Name in what is raised. Default: the file."`
	OnlyRaise bool   `yaml:"only_raise,omitempty" doc:"Its destinations are raised and not refused. Default: false, nobody reaches them."`
	Until     string `yaml:"until" doc:"Last day, 2006-01-02, of indicators that have no end of their own. Required."`
}

// End is the first moment after the last day.
func (l *IndicatorList) End() (time.Time, error) {
	day, err := time.Parse("2006-01-02", l.Until)
	return day.AddDate(0, 0, 1), err
}

func (c *Config) detectPaths() (paths []*string) {
	if c.Detect == nil {
		return nil
	}
	for i := range c.Detect.Lists {
		paths = append(paths, &c.Detect.Lists[i].File)
	}
	return paths
}

func (k *checker) detect(d *Detect) {
	for i := range d.Lists {
		path := fmt.Sprintf("detect.lists[%d]", i)
		l := &d.Lists[i]
		k.require(path+".file", l.File, "name the file with the list")
		if k.require(path+".until", l.Until, "write the last day, such as 2027-03-31") {
			if _, err := l.End(); err != nil {
				k.value(path+".until", l.Until, "it is not a day", "write for example 2027-03-31")
			}
		}
	}
}
