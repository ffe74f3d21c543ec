// Package image builds the Docker image that every container of the practice cloud is made of. A base of Debian packages
// comes first, built without a registry and again only when its recipe changes; on top lies a thin layer with our own
// files and this program, which is PID 1.
package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"rollout/internal/lab/debian"
	"rollout/internal/lab/engine"
)

const (
	baseName = "rollout-lab/base"
	// Name is the image's name without its tag, under which it is known to the cloud.
	Name = "rollout-lab/docker-base"
	// Label is on every image that this package makes.
	Label = "rollout.lab.image"
	// Program is where this program lies inside.
	Program = "/usr/local/sbin/rollout"
)

// packages are what a machine needs, and the registry's server, so that one image does for all.
var packages = []string{
	"openssh-server", "docker.io", "iptables", "cloud-init", "iproute2", "ca-certificates", "curl", "sudo", "procps",
	"docker-registry", "python3-minimal",
}

//go:embed trim.sh
var trim string

//go:embed files
var files embed.FS

// Builder makes the images on one engine.
type Builder struct {
	Engine   engine.Engine
	Progress func(string) // told what is being done; one line each
}

// Node returns the reference of the image, and builds what of it is missing. program is the static binary that goes in.
func (b Builder) Node(ctx context.Context, program string) (string, error) {
	sum, err := layerSum(program)
	if err != nil {
		return "", err
	}
	ref := Name + ":" + sum
	there, err := b.Engine.Exists(ctx, "image", ref)
	if err != nil || there {
		return ref, err
	}
	base, err := b.base(ctx)
	if err != nil {
		return "", err
	}
	return ref, b.layer(ctx, base, ref, program)
}

// Prune removes images of earlier programs that no container is made of. Fresh ones stay: another lab may be about to use
// them.
func (b Builder) Prune(ctx context.Context) error {
	_, err := b.Engine.Run(ctx, "image", "prune", "-a", "-f", "--filter", "label="+Label+"=node", "--filter", "until=30m")
	return err
}

// base returns the reference of the base image, built if it is missing.
func (b Builder) base(ctx context.Context) (string, error) {
	ref := baseName + ":" + baseSum()
	there, err := b.Engine.Exists(ctx, "image", ref)
	if err != nil || there {
		return ref, err
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		if err := debian.Install(ctx, b.Progress, "mmdebstrap"); err != nil {
			return "", fmt.Errorf("cannot build the machines' image: %w", err)
		}
	}
	b.Progress("building the machines' image from Debian packages (once, one to two minutes)")
	start := time.Now()
	if err := b.bootstrap(ctx, ref); err != nil {
		return "", fmt.Errorf("cannot build the machines' image: %w", err)
	}
	b.Progress(fmt.Sprintf("built the machines' image in %.0f s", time.Since(start).Seconds()))
	return ref, nil
}

// bootstrap pipes mmdebstrap's archive into docker import.
func (b Builder) bootstrap(ctx context.Context, ref string) error {
	script, err := os.CreateTemp("", "rollout-lab-trim-*.sh")
	if err != nil {
		return err
	}
	defer os.Remove(script.Name())
	if _, err := script.WriteString(trim); err != nil {
		return err
	}
	if err := script.Close(); err != nil {
		return err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "mmdebstrap", bootstrapArgs(debian.Sources(), debian.Proxy(ctx), script.Name())...)
	cmd.Stderr = &said
	archive, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, importErr := b.Engine.Feed(ctx, archive, "import", "-c", "LABEL "+Label+"=base", "-", ref)
	// What import left unread would keep mmdebstrap waiting for ever.
	_, _ = io.Copy(io.Discard, archive)
	if err := cmd.Wait(); err != nil {
		// An image of half an archive must not be found next time.
		_, removeErr := b.Engine.Run(ctx, "image", "rm", ref)
		return errors.Join(fmt.Errorf("mmdebstrap: %w\n%s", err, strings.TrimSpace(said.String())), importErr, ignoreFailedImport(importErr, removeErr))
	}
	return importErr
}

// ignoreFailedImport: there is nothing to remove when the import failed as well.
func ignoreFailedImport(importErr, removeErr error) error {
	if importErr != nil {
		return nil
	}
	return removeErr
}

func bootstrapArgs(sources []string, proxy, trimScript string) []string {
	args := []string{
		"--variant=minbase", "--include=" + strings.Join(packages, ","),
		`--aptopt=APT::Install-Recommends "false"`,
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--customize-hook=sh " + trimScript + ` "$1"`,
	}
	if proxy != "" {
		args = append(args, `--aptopt=Acquire::http::Proxy "`+proxy+`"`)
	}
	return append(append(args, debian.Suite, "-"), sources...)
}

// layer adds our files and the program to the base.
func (b Builder) layer(ctx context.Context, base, ref, program string) error {
	b.Progress("adding this program to the machines' image")
	name, err := b.Engine.Run(ctx, "create", "--label", Label+"=build", base, "true")
	if err != nil {
		return err
	}
	err = b.fill(ctx, name, ref, program)
	_, removeErr := b.Engine.Run(ctx, "rm", "-f", name)
	return errors.Join(err, removeErr)
}

func (b Builder) fill(ctx context.Context, container, ref, program string) error {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(writeLayer(writer, program)) }()
	_, err := b.Engine.Feed(ctx, reader, "cp", "-", container+":/")
	reader.Close() // ends the writer if docker left before it
	if err != nil {
		return err
	}
	_, err = b.Engine.Run(ctx, "commit",
		"-c", `ENV product_name="OpenStack Nova"`, // how cloud-init's OpenStack source knows its cloud in a container
		"-c", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"-c", "ENV LANG=C.UTF-8",
		"-c", "LABEL "+Label+"=node",
		"-c", `CMD ["`+Program+`", "lab-init"]`,
		container, ref)
	return err
}

// writeLayer writes the layer's archive: the embedded files and the program.
func writeLayer(w io.Writer, program string) error {
	archive := tar.NewWriter(w)
	err := fs.WalkDir(files, "files", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "files/")
		return writeFile(archive, name, fileMode(name), int64(len(text)), bytes.NewReader(text))
	})
	if err != nil {
		return err
	}
	file, err := os.Open(program)
	if err != nil {
		return fmt.Errorf("cannot read this program: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("cannot read this program: %w", err)
	}
	if err := writeFile(archive, strings.TrimPrefix(Program, "/"), 0o755, info.Size(), file); err != nil {
		return err
	}
	return archive.Close()
}

func writeFile(archive *tar.Writer, name string, mode, size int64, content io.Reader) error {
	header := &tar.Header{Name: name, Mode: mode, Size: size, Typeflag: tar.TypeReg, ModTime: time.Now()}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(archive, content)
	return err
}

// fileMode: an embedded file has lost its mode; programs are known by their folder.
func fileMode(name string) int64 {
	if strings.HasPrefix(name, "usr/local/") || strings.HasPrefix(name, "etc/init.d/") {
		return 0o755
	}
	return 0o644
}

// baseSum stands for the recipe of the base.
func baseSum() string {
	sum := sha256.Sum256([]byte(debian.Suite + "\n" + strings.Join(packages, "\n") + "\n" + trim))
	return hex.EncodeToString(sum[:6])
}

// layerSum stands for the whole image: base, files and program.
func layerSum(program string) (string, error) {
	sum := sha256.New()
	io.WriteString(sum, baseSum())
	err := fs.WalkDir(files, "files", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return "", err
	}
	file, err := os.Open(program)
	if err != nil {
		return "", fmt.Errorf("cannot read this program: %w", err)
	}
	defer file.Close()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("cannot read this program: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
