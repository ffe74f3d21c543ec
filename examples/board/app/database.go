package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// databaseFromEnv finds the database as a Docker link named db tells it: the
// address and port, and the provider's own MYSQL_* variables.
func databaseFromEnv(lookup func(string) (string, bool)) *mysql.Config {
	get := func(fallback string, names ...string) string {
		for _, name := range names {
			if v, ok := lookup(name); ok && v != "" {
				return v
			}
		}
		return fallback
	}
	cfg := mysql.NewConfig()
	cfg.Net = "tcp"
	cfg.Addr = net.JoinHostPort(get("db", "DB_PORT_3306_TCP_ADDR"), get("3306", "DB_PORT_3306_TCP_PORT"))
	cfg.User = get("board", "DB_ENV_MYSQL_USER", "MYSQL_USER")
	cfg.Passwd = get("board", "DB_ENV_MYSQL_PASSWORD", "MYSQL_PASSWORD")
	cfg.DBName = get("board", "DB_ENV_MYSQL_DATABASE", "MYSQL_DATABASE")
	cfg.Collation = "utf8mb4_unicode_ci"
	cfg.ParseTime = true
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = 3*time.Second, 5*time.Second, 5*time.Second
	return cfg
}

// messages keeps the board in MariaDB. The table is made when the database
// first answers, so that the server can start ahead of it.
type messages struct {
	db *sql.DB

	mu    sync.Mutex
	ready bool
}

func openMessages(cfg *mysql.Config) (*messages, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot use the database at %s: %w", cfg.Addr, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(8)
	db.SetConnMaxLifetime(3 * time.Minute)
	return &messages{db: db}, nil
}

// Close ends the connections.
func (m *messages) Close() { _ = m.db.Close() }

// ensure makes the table, once.
func (m *messages) ensure(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ready {
		return nil
	}
	_, err := m.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS messages (
		id BIGINT AUTO_INCREMENT PRIMARY KEY,
		text VARCHAR(1000) CHARACTER SET utf8mb4 NOT NULL,
		created TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3))`)
	if err != nil {
		return fmt.Errorf("cannot make the table: %w", err)
	}
	m.ready = true
	return nil
}

// List implements store: the newest hundred.
func (m *messages) List(ctx context.Context) ([]message, error) {
	if err := m.ensure(ctx); err != nil {
		return nil, err
	}
	rows, err := m.db.QueryContext(ctx, "SELECT id, text, created FROM messages ORDER BY id DESC LIMIT 100")
	if err != nil {
		return nil, fmt.Errorf("cannot list the messages: %w", err)
	}
	defer rows.Close()
	list := []message{}
	for rows.Next() {
		var one message
		if err := rows.Scan(&one.ID, &one.Text, &one.Created); err != nil {
			return nil, fmt.Errorf("cannot read a message: %w", err)
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// Add implements store.
func (m *messages) Add(ctx context.Context, text string) (message, error) {
	if err := m.ensure(ctx); err != nil {
		return message{}, err
	}
	result, err := m.db.ExecContext(ctx, "INSERT INTO messages (text) VALUES (?)", text)
	if err != nil {
		return message{}, fmt.Errorf("cannot add a message: %w", err)
	}
	id, err := result.LastInsertId()
	return message{ID: id, Text: text, Created: time.Now().UTC()}, err
}

// Ping implements store: the table can be read.
func (m *messages) Ping(ctx context.Context) error {
	if err := m.ensure(ctx); err != nil {
		return err
	}
	return m.db.PingContext(ctx)
}
