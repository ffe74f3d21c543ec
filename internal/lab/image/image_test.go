package image

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLayer(t *testing.T) {
	program := filepath.Join(t.TempDir(), "rollout")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := writeLayer(&archive, program); err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	reader := tar.NewReader(&archive)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[header.Name] = header.Mode
	}
	for name, mode := range map[string]int64{
		"usr/local/sbin/rollout": 0o755, "usr/local/bin/systemctl": 0o755, "etc/init.d/docker": 0o755, "etc/cloud/cloud.cfg": 0o644,
	} {
		if modes[name] != mode {
			t.Errorf("%s has mode %o, want %o", name, modes[name], mode)
		}
	}
}

func TestLayerSumFollowsTheProgram(t *testing.T) {
	sums := map[string]bool{}
	for _, text := range []string{"one", "two", "one"} {
		program := filepath.Join(t.TempDir(), "rollout")
		if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		sum, err := layerSum(program)
		if err != nil {
			t.Fatal(err)
		}
		sums[sum] = true
	}
	if len(sums) != 2 {
		t.Errorf("two programs have %d sums", len(sums))
	}
}

func TestBootstrapArgs(t *testing.T) {
	args := bootstrapArgs([]string{"deb http://mirror.example/debian bookworm main"}, "http://proxy:3142", "/tmp/trim.sh")
	for _, want := range []string{
		"--variant=minbase", `--customize-hook=sh /tmp/trim.sh "$1"`, `--aptopt=Acquire::http::Proxy "http://proxy:3142"`,
		"deb http://mirror.example/debian bookworm main",
	} {
		if !slices.Contains(args, want) {
			t.Errorf("%q is not among %q", want, args)
		}
	}
	if at := slices.Index(args, "bookworm"); at < 0 || args[at+1] != "-" || !strings.HasPrefix(args[at+2], "deb ") {
		t.Errorf("suite, target and sources must come in this order: %q", args)
	}
}
