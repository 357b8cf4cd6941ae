package exit

import (
	"fmt"
	"strconv"
	"strings"
)

// portRange is a range of ports, both ends included.
type portRange struct{ from, to uint16 }

// protocols are the names that a policy may use for ports, and by which a
// refusal speaks of them. The first nine control a machine from afar, the
// following share files: what lets an intruder go on from one office PC.
var protocols = []struct {
	name  string
	ports []portRange
}{
	{"rdp", []portRange{{3389, 3389}}},
	{"vnc", []portRange{{5900, 5910}}},
	{"ssh", []portRange{{22, 22}}},
	{"telnet", []portRange{{23, 23}}},
	{"winrm", []portRange{{5985, 5986}}},
	{"teamviewer", []portRange{{5938, 5938}}},
	{"anydesk", []portRange{{7070, 7070}}},
	{"radmin", []portRange{{4899, 4899}}},
	{"rpc", []portRange{{135, 135}, {593, 593}}},
	{"smb", []portRange{{445, 445}, {137, 139}}},
	{"nfs", []portRange{{2049, 2049}, {111, 111}}},
	{"ftp", []portRange{{20, 21}, {989, 990}}},
	{"afp", []portRange{{548, 548}}},
	{"rsync", []portRange{{873, 873}}},
	{"http", []portRange{{80, 80}}},
	{"https", []portRange{{443, 443}}},
	{"dns", []portRange{{53, 53}, {853, 853}}},
	{"smtp", []portRange{{25, 25}, {465, 465}, {587, 587}}},
	{"ldap", []portRange{{389, 389}, {636, 636}}},
	{"postgresql", []portRange{{5432, 5432}}},
	{"mysql", []portRange{{3306, 3306}}},
	{"mssql", []portRange{{1433, 1433}}},
	{"oracle", []portRange{{1521, 1521}}},
}

// Protocol is the name of what usually runs at a port, or its number.
func Protocol(port uint16) string {
	for _, p := range protocols {
		if within(p.ports, port) {
			return p.name
		}
	}
	return strconv.Itoa(int(port))
}

func within(ranges []portRange, port uint16) bool {
	for _, r := range ranges {
		if r.from <= port && port <= r.to {
			return true
		}
	}
	return false
}

func parsePorts(text string) (portRange, error) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	a, err := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	if err != nil || err2 != nil || a == 0 || a > b {
		return portRange{}, fmt.Errorf("%q is neither a port nor a range of ports", text)
	}
	return portRange{uint16(a), uint16(b)}, nil
}

func namedPorts(name string) ([]portRange, bool) {
	for _, p := range protocols {
		if p.name == name {
			return p.ports, true
		}
	}
	return nil, false
}

// parseBytes reads "50MiB".
func parseBytes(text string) (uint64, error) {
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if rest, ok := strings.CutSuffix(text, unit); ok {
			text, shift = strings.TrimSuffix(rest, " "), 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("it is not a size such as 50MiB")
	}
	return n << shift, nil
}
