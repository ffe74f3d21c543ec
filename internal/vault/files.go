package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Replacement says how a file is rewritten.
type Replacement struct {
	// Shred overwrites what the file held, which was plain text.
	Shred bool
	// Private makes the file its owner's alone (0600), whatever it was before: it
	// holds plain text from now on.
	Private bool
}

// Replace rewrites a file, or makes it (0600). It has the old content or the
// new one whole at any time; mode and owner stay. Symbolic links are followed.
// A path that is no regular file, such as /dev/stdout, is written to.
func Replace(path string, data []byte, how Replacement) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	before, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		before = nil
	case err != nil:
		return fmt.Errorf("cannot write %s: %w", path, err)
	case !before.Mode().IsRegular():
		return writeTo(path, data)
	}
	old, err := openOld(path, before, how.Shred)
	if err != nil {
		return err
	}
	if old != nil {
		defer func() { _ = old.Close() }() // nothing was buffered
	}
	if err := swap(path, data, before, how.Private); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if old != nil {
		if err := overwrite(old); err != nil {
			return fmt.Errorf("%s was rewritten, but what it held could not be overwritten on the disk: %w", path, err)
		}
	}
	return nil
}

func writeTo(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cannot write: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// openOld opens what is to be overwritten once the new file is in its place;
// nil where there is nothing, or where another name still leads to it.
func openOld(path string, before fs.FileInfo, shred bool) (*os.File, error) {
	if before == nil || !shred {
		return nil, nil
	}
	if stat, ok := before.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot write: %w", err)
	}
	return f, nil
}

// swap writes beside path and renames.
func swap(path string, data []byte, before fs.FileInfo, private bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && before != nil {
		err = keep(f, before, private)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// keep gives f the owner and mode of the file that was there. A new file's 0600
// stays where private.
func keep(f *os.File, before fs.FileInfo, private bool) error {
	if stat, ok := before.Sys().(*syscall.Stat_t); ok && (int(stat.Uid) != os.Geteuid() || int(stat.Gid) != os.Getegid()) {
		if err := f.Chown(int(stat.Uid), int(stat.Gid)); err != nil {
			return err
		}
	}
	if private {
		return nil
	}
	return f.Chmod(before.Mode().Perm())
}

// shredPasses is how often plain text is overwritten.
const shredPasses = 3

// overwrite replaces a file's content by noise. On disks that write elsewhere
// (flash, copy on write) the old content may survive.
func overwrite(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for range shredPasses {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(f, rand.Reader, size); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// shredAll overwrites and removes every file in a directory, and it.
func shredAll(dir string) error {
	var errs []error
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		errs = append(errs, overwrite(f), f.Close())
		return nil
	})
	return errors.Join(errors.Join(errs...), err, os.RemoveAll(dir))
}
