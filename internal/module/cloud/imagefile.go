package cloud

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"rollout/internal/openstack"
)

// checkFile looks at a file to upload: it is there, it is no folder and, where
// a checksum is wanted, it has it.
func checkFile(ctx context.Context, name, checksum string) (int64, error) {
	file, size, err := openFile(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if checksum == "" {
		return size, nil
	}
	hash := md5.New()
	if _, err := io.Copy(hash, stoppable{ctx, file}); err != nil {
		return 0, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); !strings.EqualFold(sum, checksum) {
		return 0, fmt.Errorf("cannot upload %s: its checksum (MD5) is %s, not %s", name, sum, checksum)
	}
	return size, nil
}

func openFile(name string) (io.ReadCloser, int64, error) {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, 0, fmt.Errorf("cannot tell where %s is: %w", name, err)
		}
		name = home + "/" + rest
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot open the image file: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", name)
	}
	if err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("cannot read the image file: %w", err)
	}
	return file, info.Size(), nil
}

// stoppable is a reader that ends with its context.
type stoppable struct {
	ctx  context.Context
	from io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.from.Read(p)
}

// A file smaller than this, in bytes, is sent before anybody asks how far it is.
const worthTelling = 32 << 20

// uploadFile sends a file, and tells every tenth of a large one.
func uploadFile(ctx context.Context, t *task, i openstack.Image, name string) (openstack.Image, error) {
	tenth := int64(0)
	return t.cloud.UploadImage(ctx, i, func() (io.ReadCloser, int64, error) { return openFile(name) }, func(bytes, of int64) {
		if of > worthTelling && bytes*10/of > tenth {
			tenth = bytes * 10 / of
			t.progress(fmt.Sprintf("image %s: %d%% of %d MB sent", i.Name, tenth*10, of>>20))
		}
	})
}
