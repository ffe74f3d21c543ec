package cloud

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"rollout/internal/lab/api/wire"
)

// Store keeps the State in memory and in one file, and lets one caller at a time change it.
type Store struct {
	path string

	mu    sync.RWMutex
	state *State
	saved []byte // what the file holds, to go back to when a change is refused
}

// Open reads the state file, or starts an empty cloud where there is none.
func Open(path string, now time.Time) (*Store, error) {
	s := &Store{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.state = empty(now)
		return s, s.save()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the lab's state: %w", err)
	}
	state, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the lab's state in %s: %w (remove the file to start with an empty lab)", path, err)
	}
	s.state, s.saved = state, text
	return s, nil
}

func decode(text []byte) (*State, error) {
	state := &State{}
	if err := json.Unmarshal(text, state); err != nil {
		return nil, err
	}
	state.fill()
	return state, nil
}

// empty is a cloud with a project, its user and its default security group.
func empty(now time.Time) *State {
	state := &State{ProjectID: wire.NewHexID(), UserID: wire.NewHexID(), AdminID: wire.NewHexID(), TokenKey: make([]byte, 32)}
	_, _ = rand.Read(state.TokenKey) // never fails since Go 1.24
	state.fill()
	state.AddDefaultGroup(now)
	return state
}

// fill makes the maps that a file without such records leaves nil.
func (s *State) fill() {
	fillMap(&s.Revoked)
	fillMap(&s.Flavors)
	fillMap(&s.Images)
	fillMap(&s.KeyPairs)
	fillMap(&s.Servers)
	fillMap(&s.ServerGroups)
	fillMap(&s.Networks)
	fillMap(&s.Subnets)
	fillMap(&s.Ports)
	fillMap(&s.Routers)
	fillMap(&s.FloatingIPs)
	fillMap(&s.SecurityGroups)
	fillMap(&s.Rules)
	fillMap(&s.Quotas)
}

func fillMap[T any](m *map[string]T) {
	if *m == nil {
		*m = map[string]T{}
	}
}

// View lets look see the state. Neither it nor what it returns may keep a record.
func (s *Store) View(look func(*State)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	look(s.state)
}

// Update lets change change the state, and returns when the file has it. When change or the writing fails, nothing has
// changed.
func (s *Store) Update(change func(*State) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := false
	defer func() {
		if !kept { // also when change panicked: net/http lets the others go on
			err = s.undo(err)
		}
	}()
	if err := change(s.state); err != nil {
		return err
	}
	if err := s.save(); err != nil {
		return err
	}
	kept = true
	return nil
}

// undo goes back to what the file holds.
func (s *Store) undo(why error) error {
	before, err := decode(s.saved)
	if err != nil {
		return errors.Join(why, fmt.Errorf("cannot undo the change: %w", err))
	}
	s.state = before
	return why
}

func (s *Store) save() error {
	text, err := json.Marshal(s.state)
	if err != nil {
		return fmt.Errorf("cannot encode the lab's state: %w", err)
	}
	if err := writeFile(s.path, text); err != nil {
		return fmt.Errorf("cannot save the lab's state: %w", err)
	}
	s.saved = text
	return nil
}

// writeFile puts the text in the file's place whole or not at all, also when the machine stops in between.
func writeFile(path string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already once it is renamed
	_, err = temporary.Write(text)
	if err == nil {
		err = temporary.Sync()
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
