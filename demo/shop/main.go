// shop is a tiny shop of three services that call one another: frontend, core and leaf.
//
// A request enters at frontend and travels down the chain; the answer says which processes it went through and which
// one answered. The same program is the service in the cluster and the one a developer runs on a laptop:
//
//	shop --role leaf --port 3000 --name laptop
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	hostname, _ := os.Hostname()
	role := flag.String("role", env("SHOP_ROLE", "leaf"), "frontend, core or leaf; the last one calls nobody")
	host := flag.String("host", env("SHOP_HOST", ""), "address to listen on; empty means all")
	port := flag.Int("port", envInt("SHOP_PORT", 8080), "port to listen on; 0 takes a free one")
	name := flag.String("name", env("SHOP_NAME", hostname), "what this process calls itself in answers")
	next := flag.String("next", env("SHOP_NEXT", ""), "URL of the next service; empty for the last one")
	linger := flag.Duration("linger", envDuration("SHOP_LINGER", 0),
		"how long to keep serving after SIGTERM, until nobody sends here any more")
	connectionAge := flag.Duration("connection-age", envDuration("SHOP_CONNECTION_AGE", 10*time.Second),
		"how long a connection to the next service takes new requests")
	flag.Parse()
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)

	service := &service{role: *role, name: *name}
	if *next != "" {
		service.next = newUpstream(*next, *connectionAge)
	}
	server := &http.Server{
		Handler:           service.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		// Longer than any client here keeps an idle connection, so that the client is the one to close it.
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 256 << 10,
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(*host, strconv.Itoa(*port)))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%s %s listens on %s", *role, *name, listener.Addr())

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
		<-stop
		// Not ready any more, but serving: the news takes a moment to reach every node. Clients close connections
		// that are idle for five seconds; with a linger longer than that, shutting down closes none that is in use.
		atomic.StoreInt32(&service.stopping, 1)
		time.Sleep(*linger)
		deadline, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := server.Shutdown(deadline); err != nil {
			log.Printf("shutdown: %v", err)
		}
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-ended
}

func env(name, fallback string) string {
	if value, found := os.LookupEnv(name); found {
		return value
	}
	return fallback
}

func envInt(name string, fallback int) int {
	if value, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return value
	}
	return fallback
}

func envDuration(name string, fallback time.Duration) time.Duration {
	if value, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return value
	}
	return fallback
}
