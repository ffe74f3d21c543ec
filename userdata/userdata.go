// Package userdata writes the documents cloud-init reads at a VM's first boot:
// scripts, cloud-config and multipart archives of them, and holds the
// templates of the ones rollout brings along.
//
// Formats: https://cloudinit.readthedocs.io/en/latest/explanation/format.html
package userdata

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the templates
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// MaxEncoded is the most that Nova takes, in bytes after base64 encoding.
const MaxEncoded = 65535

// AllInOne is a Jinja2 template: the script that runs every container of a
// topology, linked, on one VM. It reads the variable all_in_one.
//
//go:embed all_in_one.sh.j2
var AllInOne string

// DockerRunning is a script that makes sure the Docker Engine runs.
//
//go:embed docker_running.sh
var DockerRunning string

// HostKeys is a script that prints the VM's SSH host keys on its console, in
// the form of cloud-init's module keys-to-console.
//
//go:embed host_keys.sh
var HostKeys string

// RootLogin is the cloud-config that lets the key pair in as root, which
// cloud-init's own default forbids.
const RootLogin = "#cloud-config\ndisable_root: false\n"

// Type returns the MIME type by which cloud-init knows a document: it goes by
// the first line. An empty result means that cloud-init would not know it.
func Type(doc string) string {
	for _, known := range []struct{ start, mime string }{
		{"#!", "text/x-shellscript"},
		{"#cloud-config-archive", "text/cloud-config-archive"},
		{"#cloud-config", "text/cloud-config"},
		{"#cloud-boothook", "text/cloud-boothook"},
		{"#include", "text/x-include-url"},
		{"#part-handler", "text/part-handler"},
		{"## template: jinja", "text/jinja2"},
		{"Content-Type: multipart/", "multipart/mixed"},
		{"MIME-Version:", "multipart/mixed"},
	} {
		if strings.HasPrefix(doc, known.start) {
			return known.mime
		}
	}
	return ""
}

// Join puts documents together: none gives "", one gives itself, more a
// multipart archive. The same documents always give the same bytes, so that a
// rerun sees no difference. A document of unknown type is an error.
func Join(docs ...string) (string, error) {
	for i, doc := range docs {
		if Type(doc) == "" {
			first, _, _ := strings.Cut(doc, "\n")
			return "", fmt.Errorf("cloud-init does not know user data that starts with %q (part %d): it must start with #!, #cloud-config or MIME headers", first, i+1)
		}
	}
	switch len(docs) {
	case 0:
		return "", nil
	case 1:
		return docs[0], nil
	}
	return archive(docs)
}

func archive(docs []string) (string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	sum := sha256.Sum256([]byte(strings.Join(docs, "\x00")))
	if err := w.SetBoundary(fmt.Sprintf("rollout-%x", sum[:12])); err != nil {
		return "", fmt.Errorf("cannot write multipart user data: %w", err)
	}
	for i, doc := range docs {
		mime := Type(doc)
		if mime == "multipart/mixed" {
			return "", fmt.Errorf("user data that is itself multipart can't be joined with other parts")
		}
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Type":        {mime + `; charset="utf-8"`},
			"Content-Disposition": {fmt.Sprintf(`attachment; filename="part-%02d"`, i+1)},
			"Mime-Version":        {"1.0"},
		})
		if err != nil {
			return "", fmt.Errorf("cannot write multipart user data: %w", err)
		}
		if _, err := part.Write([]byte(doc)); err != nil {
			return "", fmt.Errorf("cannot write multipart user data: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("cannot write multipart user data: %w", err)
	}
	head := fmt.Sprintf("Content-Type: multipart/mixed; boundary=%q\nMIME-Version: 1.0\n\n", w.Boundary())
	return head + strings.ReplaceAll(body.String(), "\r\n", "\n"), nil
}

// CheckSize says whether a document is too large for Nova, before it is asked.
func CheckSize(doc string) error {
	if n := base64.StdEncoding.EncodedLen(len(doc)); n > MaxEncoded {
		return fmt.Errorf("the user data is %d bytes after base64, and Nova takes %d: move files into the image or fetch them at boot", n, MaxEncoded)
	}
	return nil
}
