package document

import (
	"errors"
	"io"
	"path"

	"github.com/nwaples/rardecode/v2"
)

const (
	// rarWindow is what RAR 5 keeps usually; its largest may be twice as much.
	rarWindow = 48 << 20
	// rarVersions is where a RAR archive says its version: RAR 2.9 to 4 may ask for 256 MiB
	// in the middle of a member, so no other large decoder is open beside it.
	rarVersions = 6
)

// rar reads an archive of one file. Members of several volumes are read as far as they
// are in this one.
func (j *job) rar(part string, src source, depth int) error {
	at, size, done, err := j.random(src)
	defer done()
	b := &rarBlocks{at: at, size: size, most: 2*j.limits.Entries + 1000}
	head := b.head(0, rarVersions+1)
	five := len(head) > rarVersions && head[rarVersions] == 1
	b.walk(five)
	err = errors.Join(err, j.rarMembers(part, io.NewSectionReader(at, 0, size), five, b.end > 0, depth))
	if j.spent() || j.ctx.Err() != nil {
		return err
	}
	if b.most == 0 {
		err = errors.Join(err, errLimit)
	}
	return errors.Join(err, j.rarBeside(part, b, depth))
}

// rarMembers reads what the library finds. Without its end an archive was cut between two
// members, which the library takes for the end.
func (j *job) rarMembers(part string, archive io.ReadSeeker, five, ended bool, depth int) error {
	keeps := int64(rarWindow)
	call := func(f func() error) error { return f() }
	var slow *patience
	if !five {
		if keeps = maxWindow; astray.Load() > 0 {
			return errAstray
		}
		slow = &patience{left: j.limits.Patience, until: j.ctx.Done()}
		call = slow.wait
	}
	release, err := j.window(keeps)
	if err != nil {
		return err
	}
	defer release()
	r := &reins{r: archive}
	defer r.Close()
	var z *rardecode.Reader
	if err := call(func() (err error) {
		z, err = rardecode.NewReader(r, rardecode.MaxDictionarySize(maxWindow))
		return err
	}); err != nil {
		return j.rarError(part, err)
	}
	for {
		var h *rardecode.FileHeader
		err := call(func() (err error) {
			h, err = z.Next() // unpacks what is left of a member that later ones need
			return err
		})
		if err == io.EOF {
			if !ended {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err == rardecode.ErrInvalidFileBlock { // the rest of a member that began in another file
			j.rarError(part, err)
			if err := j.member(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return j.rarError(part, err)
		}
		if err := j.member(); err != nil {
			return err
		}
		if h.IsDir {
			continue
		}
		inner := join(part, h.Name)
		if h.Encrypted {
			j.sink.Trouble(inner, Encrypted, "")
			continue
		}
		all := metered{j, z}
		if slow != nil {
			all.r = &patient{p: slow, r: z}
		}
		j.object(inner, path.Base(h.Name), source{r: all, size: -1}, depth)
		// What is left of a member is unpacked on the way to the next one, and then it counts.
		io.Copy(io.Discard, all) // an error comes again there
		if j.spent() {
			return errLimit
		}
		if slow != nil && slow.ended != nil {
			return slow.ended
		}
	}
}

// rarError tells what the library's errors mean, and returns the others.
func (j *job) rarError(part string, err error) error {
	switch {
	case errors.Is(err, rardecode.ErrArchiveEncrypted), errors.Is(err, rardecode.ErrArchivedFileEncrypted):
		return errEncrypted
	case errors.Is(err, rardecode.ErrDictionaryTooLarge):
		return errWindow
	case errors.Is(err, rardecode.ErrMultiVolume), errors.Is(err, rardecode.ErrInvalidFileBlock), errors.Is(err, rardecode.ErrBadVolumeNumber):
		j.sink.Trouble(part, Damaged, "one of several volumes: what begins or ends in another one cannot be read")
		return nil
	}
	return err
}
