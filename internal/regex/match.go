package regex

import (
	"errors"
	"unicode"
)

// ErrTooSlow says that a match took more steps than are allowed.
var ErrTooSlow = errors.New("the regular expression needs too many steps on this text: it backtracks too much")

const (
	maxMatchSteps = 5_000_000
	maxStack      = 1_000_000
)

// entry is a point to go back to, or something to undo on the way back.
type entry struct {
	kind   entryKind
	pc     int
	pos    int
	lo, hi int // rewind: positions still to try; undo: slot and old value
}

type entryKind uint8

const (
	retry entryKind = iota
	rewind
	advance
	undoSlot
	undoRegister
)

type matcher struct {
	prog  []inst
	s     []rune
	slots []int
	regs  []int
	steps int

	notEmptyAt int  // where the whole match must not be empty, or -1
	toTheEnd   bool // the whole match must end where s does
}

// run tries to match at pos; the stack is its own, so that look-arounds nest.
func (m *matcher) run(pc, pos int) (end int, ok bool, err error) {
	var stack []entry
	whole, from := pc == 0, pos
	for {
		m.steps++
		if m.steps > maxMatchSteps || len(stack) > maxStack {
			return 0, false, ErrTooSlow
		}
		next, nextPos, good := pc+1, pos, true
		switch in := &m.prog[pc]; in.code {
		case cMatch:
			if !whole || (pos != from || pos != m.notEmptyAt) && (!m.toTheEnd || pos == len(m.s)) {
				return pos, true, nil
			}
			good = false
		case cChar, cAny, cClass:
			good = pos < len(m.s) && m.test(in, m.s[pos])
			nextPos = pos + 1
		case cJump:
			next = in.x
		case cSplit:
			first, second := in.x, in.y
			if in.lazy {
				first, second = second, first
			}
			stack = append(stack, entry{kind: retry, pc: second, pos: pos})
			next = first
		case cSave:
			stack = append(stack, entry{kind: undoSlot, lo: in.x, hi: m.slots[in.x]})
			m.slots[in.x] = pos
		case cMark:
			stack = append(stack, entry{kind: undoRegister, lo: in.x, hi: m.regs[in.x]})
			m.regs[in.x] = pos
		case cProgress:
			if m.regs[in.x] == pos {
				next = in.y
			}
		case cLoop:
			nextPos, good = m.loop(in, pc, pos, &stack)
			next = pc + 2
		case cLook:
			next = in.y
			nextPos, good, err = m.look(in, pc, pos, &stack)
			if err != nil {
				return 0, false, err
			}
		case cIf:
			if m.slots[2*in.x+1] < 0 {
				next = in.y
			}
		case cBackref:
			nextPos, good = m.backref(in, pos)
		default:
			good = m.assert(in, pos)
		}
		if good {
			pc, pos = next, nextPos
			continue
		}
		if pc, pos, stack, ok = m.back(stack); !ok {
			return 0, false, nil
		}
	}
}

// back returns to the last point where another way is left.
func (m *matcher) back(stack []entry) (pc, pos int, rest []entry, ok bool) {
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		switch top.kind {
		case undoSlot:
			m.slots[top.lo] = top.hi
		case undoRegister:
			m.regs[top.lo] = top.hi
		case retry:
			pc, pos = top.pc, top.pos
			return pc, pos, stack[:len(stack)-1], true
		case rewind:
			if top.pos > top.lo {
				top.pos--
				return top.pc, top.pos, stack, true
			}
		case advance:
			if top.pos < top.hi && top.pos < len(m.s) && m.test(&m.prog[top.pc-1], m.s[top.pos]) {
				top.pos++
				return top.pc, top.pos, stack, true
			}
		}
		stack = stack[:len(stack)-1]
	}
	return 0, 0, nil, false
}

// loop repeats the one-character test that follows.
func (m *matcher) loop(in *inst, pc, pos int, stack *[]entry) (int, bool) {
	test := &m.prog[pc+1]
	limit := len(m.s)
	if in.y >= 0 {
		limit = min(limit, pos+in.y)
	}
	least := pos + in.x
	if in.lazy {
		limit = min(limit, least)
	}
	end := pos
	for end < limit && m.test(test, m.s[end]) {
		end++
	}
	m.steps += (end - pos) >> 3
	if end < least {
		return pos, false
	}
	switch {
	case in.lazy:
		most := len(m.s)
		if in.y >= 0 {
			most = min(most, pos+in.y)
		}
		*stack = append(*stack, entry{kind: advance, pc: pc + 2, pos: end, hi: most})
	case end > least:
		*stack = append(*stack, entry{kind: rewind, pc: pc + 2, pos: end, lo: least})
	}
	return end, true
}

func (m *matcher) test(in *inst, r rune) bool {
	fold := in.flags&IgnoreCase != 0
	switch in.code {
	case cChar:
		return r == in.r || fold && sameFold(r, in.r)
	case cAny:
		return r != '\n' || in.flags&DotAll != 0
	}
	return in.class.has(r, fold)
}

func sameFold(a, b rune) bool {
	for f := unicode.SimpleFold(a); f != a; f = unicode.SimpleFold(f) {
		if f == b {
			return true
		}
	}
	return false
}

// look runs a look-around or an atomic group.
func (m *matcher) look(in *inst, pc, pos int, stack *[]entry) (int, bool, error) {
	start := pos
	if in.kind == opBehind {
		if start = pos - in.width; start < 0 {
			return pos, in.negate, nil
		}
	}
	before := append([]int(nil), m.slots...)
	end, ok, err := m.run(pc+1, start)
	if err != nil {
		return 0, false, err
	}
	if !ok || in.negate {
		copy(m.slots, before)
		return pos, ok != in.negate, nil
	}
	for i, old := range before {
		if m.slots[i] != old {
			*stack = append(*stack, entry{kind: undoSlot, lo: i, hi: old})
		}
	}
	if in.kind == opAtomic {
		return end, true, nil
	}
	return pos, true, nil
}

func (m *matcher) backref(in *inst, pos int) (int, bool) {
	from, to := m.slots[2*in.x], m.slots[2*in.x+1]
	if from < 0 || to < from || pos+to-from > len(m.s) {
		return pos, false
	}
	for i := from; i < to; i++ {
		a, b := m.s[i], m.s[pos+i-from]
		if a != b && (in.flags&IgnoreCase == 0 || !sameFold(a, b)) {
			return pos, false
		}
	}
	m.steps += (to - from) >> 3
	return pos + to - from, true
}

func (m *matcher) assert(in *inst, pos int) bool {
	n := len(m.s)
	switch in.code {
	case cBegin:
		return pos == 0 || in.flags&Multiline != 0 && m.s[pos-1] == '\n'
	case cEnd:
		if in.flags&Multiline != 0 {
			return pos == n || m.s[pos] == '\n'
		}
		return pos == n || pos == n-1 && m.s[pos] == '\n'
	case cStart:
		return pos == 0
	case cFinish:
		return pos == n
	}
	ascii := in.flags&ASCII != 0
	before := pos > 0 && isWord(m.s[pos-1], ascii)
	after := pos < n && isWord(m.s[pos], ascii)
	if n == 0 {
		return false
	}
	return (before != after) == (in.code == cWord)
}
