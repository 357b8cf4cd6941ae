package config

import (
	"fmt"
	"net/netip"
	"net/url"
)

// Exit is a way to the internet that is known.
type Exit struct {
	Name      string `yaml:"name" doc:"Name of the exit: letters, digits, - and _. Required, unique."`
	Interface string `yaml:"interface" doc:"Network interface that it goes through, such as eth0. Required."`
	Next      string `yaml:"next,omitempty" doc:"Address of the next hop. Default: any."`
	Outside   string `yaml:"outside,omitempty" doc:"Address under which the internet sees it."`
	Gate      string `yaml:"gate,omitempty" doc:"Name of the gate before it."`
	Owner     string `yaml:"owner,omitempty" doc:"Who answers for it."`
}

func (k *checker) exits(exits []Exit, canary string) {
	if u, err := url.Parse(canary); canary != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		k.value("exit_canary", canary, "it is no URL", "write for example https://check.example.jp/address")
	}
	names := map[string]string{}
	for i := range exits {
		e, path := &exits[i], fmt.Sprintf("exits[%d]", i)
		k.name(path+".name", e.Name, names)
		k.require(path+".interface", e.Interface, "write the network interface, such as eth0")
		for key, text := range map[string]string{".next": e.Next, ".outside": e.Outside} {
			if _, err := netip.ParseAddr(text); text != "" && err != nil {
				k.value(path+key, text, "it is no address", "write for example 203.0.113.9")
			}
		}
	}
}
