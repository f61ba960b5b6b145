// relay carries TCP connections from a listener in the caller's network namespace to an address in another one.
//
// One connection in is one connection out, opened at accept. Each direction ends when its sender ends it, so
// half-closed connections stay half-closed, and a reset on one side is a reset on the other.
package main

import (
	"context"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on; another free port is taken when this one is in use")
	publish := flag.String("publish", "", "file that receives the address listened on")
	netns := flag.String("netns", "", "path of the network namespace to connect from")
	to := flag.String("to", "", "address to connect to")
	fd := flag.Int("fd", -1, "listener inherited from the first half (internal)")
	flag.Parse()
	if *fd < 0 {
		listenAndEnter(*listen, *publish, *netns, *to)
	}
	file := os.NewFile(uintptr(*fd), "listener")
	listener, err := net.FileListener(file)
	check(err)
	file.Close()
	if *publish != "" {
		check(writeWhole(*publish, listener.Addr().String()+"\n"))
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	go func() {
		<-stop.Done()
		os.Exit(0)
	}()
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Printf("accept: %v", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go relay(client.(*net.TCPConn), *to)
	}
}

// listenAndEnter opens the listener here and becomes the same program inside the other namespace: a socket keeps
// the namespace it was made in.
func listenAndEnter(listen, publish, netns, to string) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		log.Printf("%v; taking a free port instead", err)
		host, _, splitErr := net.SplitHostPort(listen)
		check(splitErr)
		listener, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
		check(err)
	}
	file, err := listener.(*net.TCPListener).File()
	check(err)
	inherited := int(file.Fd())
	_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(inherited), syscall.F_SETFD, 0)
	if errno != 0 {
		check(errno)
	}
	self, err := os.Executable()
	check(err)
	nsenter, err := exec.LookPath("nsenter")
	check(err)
	arguments := []string{"nsenter", "--net=" + netns, self, "-fd", strconv.Itoa(inherited), "-publish", publish, "-to", to}
	check(syscall.Exec(nsenter, arguments, os.Environ()))
}

func relay(client *net.TCPConn, to string) {
	connection, err := net.DialTimeout("tcp", to, 10*time.Second)
	if err != nil {
		log.Printf("%v", err)
		reset(client)
		return
	}
	server := connection.(*net.TCPConn)
	var both sync.WaitGroup
	both.Add(2)
	go copyHalf(server, client, &both)
	go copyHalf(client, server, &both)
	both.Wait()
	client.Close()
	server.Close()
}

func copyHalf(to, from *net.TCPConn, done *sync.WaitGroup) {
	defer done.Done()
	if _, err := io.Copy(to, from); err != nil {
		reset(to)
		reset(from)
		return
	}
	to.CloseWrite()
}

func reset(connection *net.TCPConn) {
	connection.SetLinger(0)
	connection.Close()
}

func writeWhole(path, text string) error {
	part := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part")
	if err := os.WriteFile(part, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(part, path)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
