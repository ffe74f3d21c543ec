package runner

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
)

// vaultMark begins every encrypted file.
const vaultMark = "$ANSIBLE_VAULT;"

// decrypted is a file that was encrypted, in memory.
type decrypted struct {
	*bytes.Reader
	info fs.FileInfo
}

// Stat implements fs.File.
func (d *decrypted) Stat() (fs.FileInfo, error) { return decryptedInfo{d.info, d.Reader.Size()}, nil }

// Close implements fs.File.
func (d *decrypted) Close() error { return nil }

type decryptedInfo struct {
	fs.FileInfo
	size int64
}

// Size is the plain text's.
func (i decryptedInfo) Size() int64 { return i.size }

// opened returns the file as it is to be read: decrypted, where it is a vault.
func (f *finder) opened(file fs.File, path string) (fs.File, error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || f.sealed {
		return file, err
	}
	head := make([]byte, len(vaultMark))
	n, err := io.ReadFull(file, head)
	if err == nil && string(head) == vaultMark {
		defer file.Close()
		return f.decrypted(file, head, path, info)
	}
	if seeker, ok := file.(io.Seeker); ok {
		_, err := seeker.Seek(0, io.SeekStart)
		return file, err
	}
	return &rest{file, io.MultiReader(bytes.NewReader(head[:n]), file)}, nil
}

// rest is a file whose first bytes were read.
type rest struct {
	fs.File
	all io.Reader
}

// Read implements fs.File.
func (r *rest) Read(p []byte) (int, error) { return r.all.Read(p) }

func (f *finder) decrypted(file fs.File, head []byte, path string, info fs.FileInfo) (fs.File, error) {
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if f.decrypt == nil {
		return nil, fmt.Errorf("cannot decrypt %s: Attempting to decrypt but no vault secrets found", path)
	}
	plain, err := f.decrypt(append(head, text...))
	if err != nil {
		return nil, fmt.Errorf("cannot decrypt %s: %w", path, err)
	}
	return &decrypted{bytes.NewReader(plain), info}, nil
}
