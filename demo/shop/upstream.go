package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// upstream is the next service, reached over a pool of kept connections.
//
// A connection belongs to one pod for as long as it lives, so a pool that never ends one never sees new pods. Here a
// pool takes new requests for connectionAge; then another one takes its place, and its connections close as they
// become idle.
type upstream struct {
	base string
	age  time.Duration

	lock    sync.Mutex
	client  *http.Client
	started time.Time
}

func newUpstream(base string, age time.Duration) *upstream {
	return &upstream{base: strings.TrimSuffix(base, "/"), age: age}
}

func (u *upstream) current() *http.Client {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.client == nil || time.Since(u.started) > u.age {
		if old := u.client; old != nil {
			old.CloseIdleConnections()
		}
		u.started = time.Now()
		u.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 64,
			MaxConnsPerHost:     256,
			IdleConnTimeout:     5 * time.Second,
			DisableCompression:  true,
		}}
	}
	return u.client
}

// send passes a request on: its method, path, the body and the headers that travel along. The second result counts what
// the client sent again by itself because a kept connection had been closed.
func (u *upstream) send(r *http.Request, body []byte) (*http.Response, int, error) {
	connections := 0
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connections++ }}
	ctx := httptrace.WithClientTrace(r.Context(), trace)
	request, err := http.NewRequestWithContext(ctx, r.Method, u.base+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header = propagated(r.Header)
	if contentType := r.Header.Get("Content-Type"); contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := u.current().Do(request)
	retries := connections - 1
	if retries < 0 {
		retries = 0
	}
	return response, retries, err
}
