package classroom

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the script
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"
)

// installHead are the functions that an install script begins with.
//
//go:embed install.sh
var installHead string

// Ready begins the line that an install script ends with on the console.
const Ready = "rollout is ready for "

// installScript is user data that fetches the program and writes the student's
// files. The same kit always gives the same bytes.
func (r *Roster) installScript(k Kit) string {
	var b strings.Builder
	b.WriteString(installHead)
	fmt.Fprintf(&b, "program %s %s %s\n", quote(r.Step.URL), r.Step.SHA256, programPath)
	var owned []string
	for _, f := range k.files(r.Step) {
		fmt.Fprintf(&b, "put %s %s <<'END'\n%s\nEND\n", quote(f.Path), f.Mode, packed(f.Content))
		if below, ok := strings.CutPrefix(f.Path, r.Step.Home()+"/"); ok {
			first, _, _ := strings.Cut(below, "/")
			if dir := path.Join(r.Step.Home(), first); !slices.Contains(owned, dir) {
				owned = append(owned, dir)
			}
		}
	}
	for _, dir := range owned {
		fmt.Fprintf(&b, "chown -R %s: %s\n", r.Step.User, quote(dir))
	}
	fmt.Fprintf(&b, "echo %s\n", quote(Ready+k.Student.Name))
	return b.String()
}

// packed is a text compressed and in base64, in lines.
func packed(text string) string {
	var data bytes.Buffer
	w, _ := gzip.NewWriterLevel(&data, gzip.BestCompression) // the level is a known one
	_, _ = w.Write([]byte(text))                             // a Buffer takes everything
	_ = w.Close()
	encoded := base64.StdEncoding.EncodeToString(data.Bytes())
	var b strings.Builder
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\n")
		encoded = encoded[76:]
	}
	return b.String() + encoded
}
