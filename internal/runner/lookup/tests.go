package lookup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"rollout/internal/template"
	"rollout/internal/value"
)

// Tests are Ansible's tests on paths of the control machine.
func Tests() map[string]template.Test {
	plain := func(i fs.FileInfo) bool { return i.Mode().IsRegular() }
	link := func(i fs.FileInfo) bool { return i.Mode()&fs.ModeSymlink != 0 }
	any := func(fs.FileInfo) bool { return true }
	return map[string]template.Test{
		"file": pathTest(os.Stat, plain), "is_file": pathTest(os.Stat, plain),
		"directory": pathTest(os.Stat, fs.FileInfo.IsDir), "is_dir": pathTest(os.Stat, fs.FileInfo.IsDir),
		"exists": pathTest(os.Stat, any), "link_exists": pathTest(os.Lstat, any),
		"link": pathTest(os.Lstat, link), "is_link": pathTest(os.Lstat, link),
		"abs": absoluteTest, "is_abs": absoluteTest,
		"mount": mountTest, "is_mount": mountTest,
		"same_file": sameFileTest, "is_same_file": sameFileTest,
	}
}

func pathText(in any) (string, error) {
	path, ok := in.(string)
	if !ok {
		return "", fmt.Errorf("a path is text, not %v", in)
	}
	return path, nil
}

func pathTest(look func(string) (fs.FileInfo, error), is func(fs.FileInfo) bool) template.Test {
	return func(_ context.Context, in any, _ []any, _ *value.Map) (bool, error) {
		path, err := pathText(in)
		if err != nil {
			return false, err
		}
		info, err := look(path)
		return err == nil && is(info), nil // as Python: what can't be looked at is not there
	}
}

func absoluteTest(_ context.Context, in any, _ []any, _ *value.Map) (bool, error) {
	path, err := pathText(in)
	return filepath.IsAbs(path), err
}

// mountTest tells a mount point by its device, which is not its parent's.
func mountTest(_ context.Context, in any, _ []any, _ *value.Map) (bool, error) {
	path, err := pathText(in)
	if err != nil {
		return false, err
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return false, nil
	}
	above, err := os.Lstat(filepath.Join(path, ".."))
	if err != nil {
		return false, nil
	}
	here, ok := info.Sys().(*syscall.Stat_t)
	there, ok2 := above.Sys().(*syscall.Stat_t)
	return ok && ok2 && (here.Dev != there.Dev || here.Ino == there.Ino), nil
}

func sameFileTest(_ context.Context, in any, args []any, _ *value.Map) (bool, error) {
	if len(args) != 1 {
		return false, errors.New("same_file compares with one other path")
	}
	a, err := pathText(in)
	if err != nil {
		return false, err
	}
	b, err := pathText(args[0])
	if err != nil {
		return false, err
	}
	x, err := os.Stat(a)
	if err != nil {
		return false, fmt.Errorf("cannot compare files: %w", err)
	}
	y, err := os.Stat(b)
	if err != nil {
		return false, fmt.Errorf("cannot compare files: %w", err)
	}
	return os.SameFile(x, y), nil
}
