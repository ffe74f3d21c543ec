package regex

// The instructions of a compiled pattern.
type code int

const (
	cMatch code = iota
	cChar
	cAny
	cClass
	cJump
	cSplit    // try x, then y
	cSave     // remember the position in slot x
	cLoop     // repeat one character x..y times, the test is the next instruction
	cMark     // remember the position in register x
	cProgress // go on at y if nothing was matched since register x was marked
	cBegin
	cEnd
	cStart
	cFinish
	cWord
	cNotWord
	cBackref
	cLook // run the program after it up to cMatch; y is where to go on
	cIf
)

type inst struct {
	code   code
	flags  Flags
	r      rune
	class  *class
	x, y   int
	lazy   bool
	negate bool
	kind   op // of cLook
	width  int
}

type compiler struct {
	prog      []inst
	registers int
	tooLarge  bool
}

func (c *compiler) emit(i inst) int {
	if len(c.prog) >= maxProgram {
		c.tooLarge = true
		return 0
	}
	c.prog = append(c.prog, i)
	return len(c.prog) - 1
}

func (c *compiler) node(n *node) {
	if c.tooLarge {
		return
	}
	switch n.op {
	case opEmpty:
	case opChar, opAny, opClass:
		c.single(n)
	case opCat:
		for _, s := range n.subs {
			c.node(s)
		}
	case opAlt:
		c.alternatives(n.subs)
	case opRepeat:
		if n.atomic {
			plain := *n
			plain.atomic = false
			c.look(&node{op: opAtomic, subs: []*node{&plain}})
			return
		}
		c.repeat(n)
	case opGroup:
		if n.group > 0 {
			c.emit(inst{code: cSave, x: 2 * n.group})
		}
		c.node(n.subs[0])
		if n.group > 0 {
			c.emit(inst{code: cSave, x: 2*n.group + 1})
		}
	case opBackref:
		c.emit(inst{code: cBackref, x: n.group, flags: n.flags})
	case opAhead, opBehind, opAtomic:
		c.look(n)
	case opIf:
		c.conditional(n)
	default:
		c.emit(inst{code: cBegin + code(n.op-opBegin), flags: n.flags})
	}
}

func (c *compiler) single(n *node) {
	codes := map[op]code{opChar: cChar, opAny: cAny, opClass: cClass}
	c.emit(inst{code: codes[n.op], r: n.r, class: n.class, flags: n.flags})
}

func (c *compiler) alternatives(subs []*node) {
	var ends []int
	for i, s := range subs {
		if i == len(subs)-1 {
			c.node(s)
			break
		}
		split := c.emit(inst{code: cSplit})
		c.prog[split].x = len(c.prog)
		c.node(s)
		ends = append(ends, c.emit(inst{code: cJump}))
		c.prog[split].y = len(c.prog)
	}
	for _, e := range ends {
		c.prog[e].x = len(c.prog)
	}
}

func (c *compiler) repeat(n *node) {
	body := n.subs[0]
	if lone := body.lone(); lone != nil {
		c.emit(inst{code: cLoop, x: n.min, y: n.max, lazy: n.lazy})
		c.single(lone)
		return
	}
	for range n.min {
		c.node(body)
	}
	if n.max < 0 {
		c.star(body, n.lazy)
		return
	}
	var splits []int
	for range n.max - n.min {
		split := c.emit(inst{code: cSplit, lazy: n.lazy})
		c.prog[split].x = len(c.prog)
		splits = append(splits, split)
		c.node(body)
	}
	for _, s := range splits {
		c.prog[s].y = len(c.prog)
	}
}

// lone returns the single character test that n consists of, or nil.
func (n *node) lone() *node {
	switch n.op {
	case opChar, opAny, opClass:
		return n
	case opCat:
		if len(n.subs) == 1 {
			return n.subs[0].lone()
		}
	case opGroup:
		if n.group == 0 {
			return n.subs[0].lone()
		}
	}
	return nil
}

// star repeats body any number of times; a round that matches nothing ends it.
func (c *compiler) star(body *node, lazy bool) {
	reg := c.registers
	c.registers++
	split := c.emit(inst{code: cSplit, lazy: lazy})
	c.prog[split].x = len(c.prog)
	c.emit(inst{code: cMark, x: reg})
	c.node(body)
	progress := c.emit(inst{code: cProgress, x: reg})
	c.emit(inst{code: cJump, x: split})
	c.prog[split].y = len(c.prog)
	c.prog[progress].y = len(c.prog)
}

func (c *compiler) look(n *node) {
	at := c.emit(inst{code: cLook, kind: n.op, negate: n.negate, width: n.width})
	c.node(n.subs[0])
	c.emit(inst{code: cMatch})
	c.prog[at].y = len(c.prog)
}

func (c *compiler) conditional(n *node) {
	at := c.emit(inst{code: cIf, x: n.group})
	c.node(n.subs[0])
	end := c.emit(inst{code: cJump})
	c.prog[at].y = len(c.prog)
	c.node(n.subs[1])
	c.prog[end].x = len(c.prog)
}
