package differential

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oracle remembers what ansible-playbook did, in the folder that
// ROLLOUT_ORACLE_CACHE names, for those who run the suite over and over. What a
// run is known by is all it is made of, its folder of playbooks included.
type oracle struct{ dir string }

// key is the name of the file a run is kept in; "" where nothing is kept.
func (o oracle) key(t *testing.T, b book, args []string) string {
	t.Helper()
	if o.dir == "" || b.ssh {
		return ""
	}
	h := sha256.New()
	h.Write([]byte(strings.Join(append(append([]string{b.path}, args...), b.env...), "\x00")))
	folder := filepath.Dir(b.path)
	for _, root := range []string{folder, filepath.Dir(b.inventory())} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !relevant(root, folder, path, b.path) {
				return err
			}
			text, err := os.ReadFile(path)
			h.Write(append([]byte(path+"\x00"), text...))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(o.dir, hex.EncodeToString(h.Sum(nil)))
}

// relevant leaves out other playbooks of the folder, and folders beside it.
func relevant(root, folder, path, book string) bool {
	inRoot := filepath.Dir(path) == root
	if root == folder && root == "testdata" && strings.HasPrefix(path, "testdata/books/") {
		return false
	}
	if root == folder {
		return path == book || !inRoot || filepath.Ext(path) != ".yml"
	}
	return inRoot || strings.HasSuffix(filepath.Dir(path), "_vars")
}

func (o oracle) recall(key string) (played, bool) {
	var p remembered
	text, err := os.ReadFile(key)
	if key == "" || err != nil || json.Unmarshal(text, &p) != nil {
		return played{}, false
	}
	return played{stdout: p.Stdout, stderr: p.Stderr, files: p.Files, code: p.Code}, true
}

type remembered struct {
	Stdout, Stderr, Files string
	Code                  int
}

func (o oracle) keep(t *testing.T, key string, p played) {
	t.Helper()
	if key == "" {
		return
	}
	text, err := json.Marshal(remembered{p.stdout, p.stderr, p.files, p.code})
	if err == nil {
		err = os.MkdirAll(o.dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(key, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
