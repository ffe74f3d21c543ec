package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Page cuts the page out of items that ?marker= and ?limit= ask for, and says whether more follow. most bounds a page
// when the caller gives no smaller limit; limit 0 means none given, as Neutron and Nova take it.
func Page[T any](items []T, id func(T) string, query url.Values, most int) (page []T, more bool, err error) {
	if marker := query.Get("marker"); marker != "" {
		at := slices.IndexFunc(items, func(item T) bool { return id(item) == marker })
		if at < 0 {
			return nil, false, Errorf(http.StatusBadRequest, "BadRequest", "marker [%s] not found", marker)
		}
		items = items[at+1:]
	}
	limit, err := Limit(query)
	if err != nil {
		return nil, false, err
	}
	if limit == 0 || limit > most {
		limit = most
	}
	if len(items) > limit {
		return items[:limit], true, nil
	}
	return items, false, nil
}

// Limit reads ?limit=; 0 when it is not there.
func Limit(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return 0, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 0 {
		return 0, Errorf(http.StatusBadRequest, "BadRequest",
			"Bad limit request: Limit must be an integer 0 or greater and not '%s'.", text)
	}
	return limit, nil
}

// NextQuery is the query of the page that follows the one that ends in marker.
func NextQuery(query url.Values, marker string) string {
	next := url.Values{}
	for name, values := range query {
		next[name] = values
	}
	next.Set("marker", marker)
	return next.Encode()
}
