package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxEcho is the largest body that /echo takes; it is held in memory.
const maxEcho = 16 << 20

// hop is one process that a request went through.
type hop struct {
	Service string `json:"service"`
	Host    string `json:"host"`
}

// answer is what / and /n/NUMBER reply. The last process of the chain starts it, the others put themselves in front.
type answer struct {
	AnsweredBy string `json:"answeredBy"`
	Number     *int64 `json:"number,omitempty"`
	Chain      []hop  `json:"chain"`
	// Propagated are the headers that reached the last process of those that travel along.
	Propagated map[string]string `json:"propagated,omitempty"`
	// Retries counts requests between the services that the HTTP client sent a second time by itself.
	Retries int `json:"retries"`
}

type service struct {
	role, name string
	next       *upstream
	stopping   int32
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", s.health)
	mux.HandleFunc("/echo", s.echo)
	mux.HandleFunc("/n/", s.numbered)
	mux.HandleFunc("/", s.root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if atomic.LoadInt32(&s.stopping) != 0 {
			// The client takes its next request elsewhere, before this process is gone.
			w.Header().Set("Connection", "close")
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	if atomic.LoadInt32(&s.stopping) != 0 {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

func (s *service) root(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, nil)
}

// numbered answers with the number of its path, which has gone down the whole chain and come back.
func (s *service) numbered(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/n/"), 10, 64)
	if err != nil {
		http.Error(w, "the path is /n/NUMBER", http.StatusBadRequest)
		return
	}
	s.answer(w, r, &number)
}

func (s *service) answer(w http.ResponseWriter, r *http.Request, number *int64) {
	result := answer{AnsweredBy: s.role + "/" + s.name, Number: number, Propagated: flatten(propagated(r.Header))}
	if s.next != nil {
		response, retries, err := s.next.send(r, nil)
		if err != nil {
			s.fail(w, err.Error())
			return
		}
		defer response.Body.Close()
		copyDetourHeaders(w.Header(), response.Header)
		if response.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
			s.fail(w, s.next.base+" answered "+response.Status+": "+strings.TrimSpace(string(text)))
			return
		}
		result = answer{}
		if err := json.NewDecoder(response.Body).Decode(&result); err != nil {
			s.fail(w, s.next.base+" sent no JSON: "+err.Error())
			return
		}
		// Read to the end of the body, or the connection cannot be used again.
		io.Copy(io.Discard, response.Body)
		result.Retries += retries
	}
	result.Chain = append([]hop{{s.role, s.name}}, result.Chain...)
	body, err := json.Marshal(result)
	if err != nil {
		s.fail(w, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Shop-Answered-By", result.AnsweredBy)
	w.Write(append(body, '\n'))
}

// echo sends the request's body down the chain; the last one returns it, and X-Shop-Retries sums up what the clients on
// the way sent a second time. Bodies are read whole, for Go's HTTP/1
// server cannot read a request any more once its answer has begun.
func (s *service) echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEcho))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answeredBy, retries := s.role+"/"+s.name, 0
	if s.next != nil {
		var response *http.Response
		response, retries, err = s.next.send(r, body)
		if err != nil {
			s.fail(w, err.Error())
			return
		}
		defer response.Body.Close()
		copyDetourHeaders(w.Header(), response.Header)
		if body, err = io.ReadAll(response.Body); err != nil {
			s.fail(w, s.next.base+": "+err.Error())
			return
		}
		if response.StatusCode != http.StatusOK {
			s.fail(w, s.next.base+" answered "+response.Status+": "+strings.TrimSpace(string(body)))
			return
		}
		answeredBy = response.Header.Get("X-Shop-Answered-By")
		if further, err := strconv.Atoi(response.Header.Get("X-Shop-Retries")); err == nil {
			retries += further
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Shop-Answered-By", answeredBy)
	w.Header().Set("X-Shop-Retries", strconv.Itoa(retries))
	w.Write(body)
}

func (s *service) fail(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	json.NewEncoder(w).Encode(map[string]string{"service": s.role, "host": s.name, "error": text})
}
