package pgserver

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxSocketPath is the longest path of a Unix socket on Linux and BSD
// (sun_path, less its terminating zero; 104 on BSD).
const maxSocketPath = 103

// configure writes what the server reads at its start.
func (s *Server) configure() error {
	if n := len(filepath.Join(s.dir, ".s.PGSQL.65535")); n > maxSocketPath {
		return fmt.Errorf("directory %s is too long for a Unix socket (%d bytes, at most %d)\n"+
			"  try  a shorter directory (SK7104)", s.dir, n, maxSocketPath)
	}
	settings := s.settings()
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	files := map[string][]byte{
		"postgresql.auto.conf": []byte(conf.String()), // read last: nothing else is there to differ
		"pg_hba.conf":          []byte(s.hba()),
	}
	if s.cfg.CertPEM != nil {
		files["server.crt"], files["server.key"] = s.cfg.CertPEM, s.cfg.KeyPEM
	}
	if s.cfg.ClientCAPEM != nil {
		files["clients.crt"] = s.cfg.ClientCAPEM
	}
	for name, content := range files {
		if err := s.write(filepath.Join(s.data(), name), content); err != nil {
			return err
		}
	}
	return nil
}

// settings returns ours, overridden by the caller's.
func (s *Server) settings() map[string]string {
	all := map[string]string{
		"listen_addresses":        s.listen(),
		"unix_socket_directories": s.dir,
		"max_connections":         "200",
		"shared_buffers":          "128MB",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_min_messages":        "warning",
		"log_statement":           "none", // statements carry values
		"log_min_error_statement": "panic",
		"password_encryption":     "scram-sha-256",
	}
	if !s.cfg.Fsync {
		for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			all[name] = "off"
		}
	}
	if s.cfg.CertPEM != nil {
		all["ssl"], all["ssl_cert_file"], all["ssl_key_file"] = "on", "server.crt", "server.key"
	}
	if s.cfg.ClientCAPEM != nil {
		all["ssl_ca_file"] = "clients.crt"
	}
	maps.Copy(all, s.cfg.Settings)
	return all
}

// hba returns the caller's lines and ours. The superuser has no trust on TCP:
// whoever reaches it can run programs as the server's user.
func (s *Server) hba() string {
	lines := append(slices.Clone(s.cfg.HBA),
		"local all all trust",
		"host all "+Superuser+" 127.0.0.0/8 scram-sha-256",
		"host all "+Superuser+" ::1/128 scram-sha-256",
		"host all all 127.0.0.0/8 trust",
		"host all all ::1/128 trust",
		"host replication all 127.0.0.0/8 trust",
	)
	return strings.Join(lines, "\n") + "\n"
}

// write writes a private file of the server's user.
func (s *Server) write(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return s.owner.own(path)
}
