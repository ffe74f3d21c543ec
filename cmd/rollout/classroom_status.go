package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rollout/internal/classroom"
	"rollout/internal/report"
	"rollout/internal/value"
)

func classroomStatus() *cobra.Command {
	flags, watch := &rosterFlags{}, watchFlags{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [STUDENT...]",
		Short: "Show how far each student has come",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openClass(cmd.Context(), flags, nil)
			if err != nil {
				return err
			}
			students, err := c.roster.Choose(args)
			if err != nil {
				return err
			}
			return watch.show(cmd.Context(), func(ctx context.Context, out io.Writer) error {
				return c.showStatus(ctx, out, students, asJSON)
			})
		},
	}
	flags.register(cmd.Flags())
	watch.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	cmd.MarkFlagsMutuallyExclusive("json", "watch")
	return cmd
}

func (c *class) showStatus(ctx context.Context, out io.Writer, students []classroom.Student, asJSON bool) error {
	servers, err := c.servers(ctx, students)
	if err != nil {
		return err
	}
	all := c.roster.Progress(students, c.layout, servers)
	askPages(ctx, all)
	if asJSON {
		list := []any{}
		for _, p := range all {
			list = append(list, p.Map(c.layout))
		}
		text, err := value.ToJSONIndent(list, "    ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, string(text))
		return err
	}
	var rows [][]string
	for _, p := range all {
		rows = append(rows, p.Row(c.layout))
	}
	return report.Table(out, c.layout.Header(), rows)
}

// How long a page may take, and how many are asked at a time.
const (
	pageTimeout = 3 * time.Second
	pagesAtOnce = 32
)

// askPages asks for every page that should be there.
func askPages(ctx context.Context, all []classroom.Progress) {
	client := &http.Client{Timeout: pageTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	var group errgroup.Group
	group.SetLimit(pagesAtOnce)
	for i := range all {
		if all[i].Page.Address == "" {
			continue
		}
		group.Go(func() error {
			all[i].Page = askPage(ctx, client, all[i].Page)
			return nil
		})
	}
	_ = group.Wait() // every outcome is in the page
}

func askPage(ctx context.Context, client *http.Client, page classroom.Page) classroom.Page {
	page.URL = "http://" + page.Address + "/"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page.URL, nil)
	if err != nil {
		page.Text = err.Error()
		return page
	}
	response, err := client.Do(request)
	if err != nil {
		page.Text = "no answer"
		if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
			page.Text = fmt.Sprintf("no answer within %s", pageTimeout)
		}
		return page
	}
	defer func() { _ = response.Body.Close() }()
	page.Answers, page.Text = response.StatusCode < 400, response.Status
	return page
}
