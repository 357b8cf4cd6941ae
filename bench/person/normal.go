package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"sekisho/internal/person"
)

// normal writes the columns that the peer reads, from our normaliser: names as
// text, addresses and e-mail as hashes, which are as good for equality and
// shorter.
func normal(file, out string) error {
	res, err := person.ReadOnly(context.Background(), source(file, "truth")[0])
	if err != nil {
		return err
	}
	truth, err := readTruth(file, "truth")
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "id,truth,fam,giv,kfam,kgiv,kfull,sex,dob,email,elocal,zip,addr,town,phone,pass,iss")
	var b []byte
	for i := range uint32(res.Table.Len()) {
		r := res.Table.At(i)
		b = strconv.AppendUint(b[:0], uint64(i), 10)
		text := func(s []byte) { b = append(append(b, ','), s...) }
		number := func(n uint64, base int) {
			b = append(b, ',')
			if n != 0 {
				b = strconv.AppendUint(b, n, base)
			}
		}
		text([]byte(truth[i]))
		kf, kg := res.Names.Kanji.Text(r.KanjiFamily), res.Names.Kanji.Text(r.KanjiGiven)
		text(res.Names.Latin.Text(r.Family))
		text(res.Names.Latin.Text(r.Given))
		text(kf)
		text(kg)
		text(kf)
		b = append(b, kg...)
		number(uint64(r.Sex), 10)
		number(uint64(r.Birth), 10)
		number(r.Email, 36)
		number(uint64(r.Local), 36)
		number(uint64(r.Postal), 10)
		number(r.Street, 36)
		text(res.Names.Towns.Text(r.Town))
		number(r.Phone, 10)
		number(r.Document, 36)
		number(uint64(r.Issued), 10)
		b = append(b, '\n')
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return errors.Join(w.Flush(), f.Close())
}
