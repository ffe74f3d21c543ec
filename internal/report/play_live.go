package report

import (
	"fmt"
	"sort"
	"strings"

	"github.com/mattn/go-runewidth"
)

// liveLine is the block at the bottom of a terminal: a line for each host that
// waits for something.
type liveLine struct {
	waits map[string]Progress
	drawn int // lines on the screen now
}

// maxLive bounds the lines of the block; further waiting hosts are counted in
// its last line.
const maxLive = 8

func (p *Play) progress(e Progress) {
	if e.Text == "" {
		delete(p.live.waits, e.Host)
		return
	}
	if !p.opt.Live {
		if p.opt.Verbose > 0 && p.live.waits[e.Host].Text != e.Text {
			p.line(gray, "waiting: ["+e.Host+"] "+e.Text)
		}
	}
	p.live.waits[e.Host] = e
}

func (p *Play) clearLive() {
	if p.live.drawn > 0 {
		fmt.Fprintf(p.opt.Out, "\033[%dA\r\033[J", p.live.drawn)
		p.live.drawn = 0
	}
}

func (p *Play) drawLive() {
	if !p.opt.Live || len(p.live.waits) == 0 {
		return
	}
	hosts := make([]string, 0, len(p.live.waits))
	for h := range p.live.waits {
		hosts = append(hosts, h)
	}
	sort.Strings(hosts)
	var lines []string
	for i, h := range hosts {
		if len(lines) >= maxLive {
			lines = append(lines, fmt.Sprintf("  … and %d more", len(hosts)-i))
			break
		}
		first, more, _ := strings.Cut(Printable(p.live.waits[h].Text), "\n")
		lines = append(lines, "  "+h+": "+first)
		for line := range strings.Lines(more) {
			lines = append(lines, "    "+strings.TrimRight(line, "\n"))
		}
	}
	for _, l := range lines {
		fmt.Fprintln(p.opt.Out, p.paint(gray, runewidth.Truncate(l, p.opt.Width-1, "…")))
	}
	p.live.drawn = len(lines)
}
