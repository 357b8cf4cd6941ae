package main

import (
	"net"
	"strings"
)

// tellManager tells the service manager how the process is (sd_notify(3):
// "READY=1", "STOPPING=1"). Without one, or when it does not listen, nothing
// happens: it waits with a timeout of its own.
func tellManager(getenv func(string) string, state string) {
	address := getenv("NOTIFY_SOCKET")
	if address == "" {
		return
	}
	if strings.HasPrefix(address, "@") { // abstract
		address = "\x00" + address[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(state)) // as above
}
