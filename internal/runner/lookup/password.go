package lookup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"rollout/internal/crypt"
	"rollout/internal/template"
	"rollout/internal/value"
)

// passwordChars are Ansible's defaults: letters, digits and .,:-_
const passwordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:-_"

// noFile is where no password is kept.
const noFile = "/dev/null"

// passwords is the lookup password: it reads passwords from files, and makes
// those that are missing. Hosts that ask at the same time get the same one.
type passwords struct {
	files Files
	mu    sync.Mutex
}

// wanted is what a term asks for.
type wanted struct {
	path    string
	length  int
	chars   string
	seed    any
	encrypt string
	ident   string
}

func (p *passwords) lookup(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []any{}
	for _, term := range names {
		w, err := readWanted(term, orEmpty(kw), scope)
		if err != nil {
			return nil, fmt.Errorf("password: %w", err)
		}
		word, err := w.password()
		if err != nil {
			return nil, fmt.Errorf("password: %w", err)
		}
		out = append(out, word)
	}
	return out, nil
}

func readWanted(term string, kw *value.Map, scope template.Scope) (*wanted, error) {
	path, opt := termOptions(term, kw)
	for k := range opt.All() {
		switch k {
		case "length", "encrypt", "chars", "ident", "seed":
		default:
			return nil, fmt.Errorf("unrecognized parameter %v (there are length, encrypt, chars, ident, seed)", k)
		}
	}
	w := &wanted{path: besidePlaybook(path, scope), encrypt: optionText(opt, "encrypt", ""), ident: optionText(opt, "ident", ""),
		seed: option(opt, "seed", nil)}
	var err error
	if w.length, err = strconv.Atoi(optionText(opt, "length", "20")); err != nil || w.length < 1 || w.length > 4096 {
		return nil, fmt.Errorf("length must be a number from 1 to 4096")
	}
	if w.encrypt != "" && !crypt.Known(w.encrypt) {
		return nil, fmt.Errorf("there is no scheme %q to encrypt by (there are %s)", w.encrypt, strings.Join(crypt.Names(), ", "))
	}
	if w.encrypt == "bcrypt" && w.ident == "" {
		w.ident = "2b"
	}
	w.chars = charSet(option(opt, "chars", nil))
	if w.chars == "" {
		return nil, errors.New("chars leaves no character to choose from")
	}
	return w, nil
}

// besidePlaybook is a path as the playbook means it.
func besidePlaybook(path string, scope template.Scope) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(path) || scope == nil {
		return path
	}
	dir, _, err := scope.Lookup("playbook_dir")
	if base, ok := dir.(string); err == nil && ok && !strings.HasPrefix(base, "embedded:") {
		return filepath.Join(base, path)
	}
	return path
}

// charSet joins sets by their names in Python's string module, and characters.
func charSet(spec any) string {
	sets := map[string]string{
		"ascii_letters": passwordChars[:52], "ascii_lowercase": passwordChars[:26], "ascii_uppercase": passwordChars[26:52],
		"digits": "0123456789", "hexdigits": "0123456789abcdefABCDEF", "octdigits": "01234567",
		"punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
	}
	var names []string
	switch x := spec.(type) {
	case nil:
		return passwordChars
	case string:
		if strings.Contains(x, ",,") {
			names = append(names, ",")
		}
		names = append(names, strings.Split(strings.ReplaceAll(x, ",,", ","), ",")...)
	case []any:
		names = value.Strings(x)
	}
	var b strings.Builder
	for _, name := range names {
		if set, ok := sets[name]; ok {
			name = set
		}
		b.WriteString(name)
	}
	return strings.NewReplacer(`"`, "", "'", "").Replace(b.String())
}

// password returns the file's password, hashed if it is to be; what is missing
// is made and written.
func (w *wanted) password() (string, error) {
	var word, salt string
	data, err := os.ReadFile(w.path)
	isNew := w.path == noFile || errors.Is(err, fs.ErrNotExist)
	switch {
	case isNew:
		if word, err = w.random(); err != nil {
			return "", err
		}
	case err != nil:
		return "", err
	default:
		word, salt = parsePassword(strings.TrimRight(string(data), " \t\r\n"))
	}
	changed := isNew
	if w.encrypt != "" && salt == "" {
		if salt, err = crypt.RandomSalt(crypt.SaltSize(w.encrypt)); err != nil {
			return "", err
		}
		changed = true
	}
	if changed && w.path != noFile {
		if err := w.keep(word, salt); err != nil {
			return "", err
		}
	}
	if w.encrypt == "" {
		return word, nil
	}
	return crypt.Hash(w.encrypt, word, crypt.Options{Salt: salt, Ident: w.ident})
}

// parsePassword splits `password salt=SALT ident=IDENT`.
func parsePassword(text string) (word, salt string) {
	at := strings.LastIndex(text, " salt=")
	if at < 0 {
		return text, ""
	}
	word, salt = text[:at], text[at+len(" salt="):]
	if at = strings.LastIndex(salt, " ident="); at >= 0 {
		salt = salt[:at]
	}
	return word, salt
}

// keep writes the file, which is its owner's alone.
func (w *wanted) keep(word, salt string) error {
	if salt != "" {
		word += " salt=" + salt
		if w.ident != "" {
			word += " ident=" + w.ident
		}
	}
	if err := os.MkdirAll(filepath.Dir(w.path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(w.path, []byte(word+"\n"), 0o600); err != nil {
		return err
	}
	return os.Chmod(w.path, 0o600)
}

// random makes a password; a seed makes it the one that Ansible makes by it.
func (w *wanted) random() (string, error) {
	chars := []rune(w.chars)
	pick := func(n int) (int, error) {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
		if err != nil {
			return 0, fmt.Errorf("no random number: %w", err)
		}
		return int(i.Int64()), nil
	}
	if w.seed != nil {
		below := template.Seeded(w.seed)
		pick = func(n int) (int, error) { return below(n), nil }
	}
	out := make([]rune, w.length)
	for i := range out {
		at, err := pick(len(chars))
		if err != nil {
			return "", err
		}
		out[i] = chars[at]
	}
	return string(out), nil
}
