package machine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"rollout/internal/lab/api/backend"
)

// A record keeps what a machine's next start needs and Docker doesn't know, such as the order of its NICs.

func (b *Backend) recordFile(id string) string {
	return filepath.Join(b.config.Dir, "machines", id+".json")
}

func (b *Backend) readRecord(id string) (backend.Machine, error) {
	var machine backend.Machine
	text, err := os.ReadFile(b.recordFile(id))
	if os.IsNotExist(err) {
		return machine, &MissingError{ID: id}
	}
	if err != nil {
		return machine, fmt.Errorf("cannot read the record of machine %s: %w", id, err)
	}
	if err := json.Unmarshal(text, &machine); err != nil {
		return machine, fmt.Errorf("cannot read the record of machine %s: %w", id, err)
	}
	return machine, nil
}

func (b *Backend) writeRecord(machine backend.Machine) error {
	text, err := json.Marshal(machine)
	if err != nil {
		return fmt.Errorf("cannot keep the record of machine %s: %w", machine.ID, err)
	}
	return writeFile(b.recordFile(machine.ID), text)
}

// changeRecord reads, changes and writes a record as one step.
func (b *Backend) changeRecord(id string, change func(*backend.Machine)) (backend.Machine, error) {
	b.records.Lock()
	defer b.records.Unlock()
	machine, err := b.readRecord(id)
	if err != nil {
		return machine, err
	}
	change(&machine)
	return machine, b.writeRecord(machine)
}

// writeFile replaces a file as a whole, so that a crash leaves the old or the new one. Only its owner may read it.
func writeFile(name string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	_, err = temporary.Write(text)
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	return nil
}
