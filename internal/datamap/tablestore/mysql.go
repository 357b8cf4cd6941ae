package tablestore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"sekisho/internal/datamap/document"
	"sekisho/internal/wire/myclient"
)

type mysql struct{ conn *myclient.Conn }

// Numbers of refusals (MySQL 8.0 and MariaDB 10.11, server error reference).
const (
	noTableRight     = 1142
	noColumnRight    = 1143
	noSuchTable      = 1146
	badTable         = 1051
	noSuchColumn     = 1054
	lockTimeout      = 1205
	definitionChange = 1412
	viewInvalid      = 1356
)

func openMySQL(ctx context.Context, u *url.URL) (engine, error) {
	if len(u.Path) < 2 {
		return nil, ErrAddress
	}
	conn, err := myclient.Snapshot(ctx, u, maxValue)
	if err != nil {
		return nil, err
	}
	return &mysql{conn}, nil
}

// rightsSQL counts the rights of the account to read every table, of the server
// or of the database, whose name is a pattern there.
const rightsSQL = `SELECT (SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'SELECT' AND GRANTEE = me.name)
	+ (SELECT COUNT(*) FROM information_schema.SCHEMA_PRIVILEGES WHERE PRIVILEGE_TYPE = 'SELECT' AND GRANTEE = me.name AND DATABASE() LIKE TABLE_SCHEMA)
	FROM (SELECT CONCAT('\'', REPLACE(CURRENT_USER(), '@', '\'@\''), '\'') AS name) me`

// tables implements engine. Views hold nothing of their own. Where the account
// may read some tables only, the catalogue hides the others.
func (s *mysql) tables(ctx context.Context) (all []table, whole bool, err error) {
	err = s.conn.Query(ctx, rightsSQL, nil, func(v [][]byte) error {
		whole = v != nil && string(v[0]) != "0"
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	// The catalogue is not part of the snapshot: what came later is empty in it.
	err = s.conn.Query(ctx, `SELECT t.TABLE_NAME, COALESCE(t.DATA_LENGTH, 0),
		COALESCE((SELECT MIN(c.COLUMN_NAME) FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
		  AND c.COLUMN_KEY = 'PRI' AND c.DATA_TYPE IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint') HAVING COUNT(*) = 1), '')
		FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY 1`,
		nil, func(v [][]byte) error {
			if v == nil {
				return nil
			}
			size, err := strconv.ParseInt(string(v[1]), 10, 64)
			if err != nil {
				size = 0
			}
			name := string(v[0])
			all = append(all, table{name: name, bytes: size, key: string(v[2]), sql: "SELECT * FROM " + quote(name, "`")})
			return nil
		})
	return all, whole, err
}

// rows implements engine.
func (s *mysql) rows(ctx context.Context, t *table, columns func([]string), row func([][]byte) error) error {
	err := s.conn.Query(ctx, t.sql, func(list []myclient.Column) error {
		names := make([]string, 0, len(list))
		for _, c := range list {
			names = append(names, c.Name)
		}
		columns(names)
		return nil
	}, row)
	if refused := (*myclient.ServerError)(nil); errors.As(err, &refused) {
		trouble := document.Failed
		switch refused.Number {
		case noSuchTable, badTable, noSuchColumn, definitionChange, viewInvalid:
			trouble = document.Vanished
		case noTableRight, noColumnRight:
			trouble = document.Denied
		case lockTimeout:
			trouble = document.Locked
		}
		return &tableError{trouble, fmt.Sprintf("error %d", refused.Number)}
	}
	return err
}

func (s *mysql) close(context.Context) error { return s.conn.Close() }
