// dnsfeed keeps a resolver's hosts file equal to the cluster's Services.
//
// It runs the resolver (the command after the flags) as its child, lists and watches Services and Endpoints, and on a
// change writes the file and sends the child SIGHUP. A Service with a ClusterIP has that address; a headless one has
// the addresses of its ready endpoints.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"
)

type list struct {
	Metadata struct{ ResourceVersion string }
	Items    []object
}

// object has the few fields of a Service and of an Endpoints that matter here.
type object struct {
	Metadata struct{ Name, Namespace string }
	Spec     struct{ ClusterIP string }
	Subsets  []struct {
		Addresses []struct{ IP, Hostname string }
	}
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	server := flag.String("server", "https://127.0.0.1:6443", "API server")
	ca := flag.String("ca", "", "certificate authority of the API server")
	cert := flag.String("cert", "", "client certificate")
	key := flag.String("key", "", "client key")
	hosts := flag.String("hosts", "", "the file to keep")
	domain := flag.String("domain", "cluster.local", "cluster domain")
	flag.Parse()

	client := newClient(*ca, *cert, *key)
	check(os.WriteFile(*hosts, nil, 0o644))
	resolver := exec.Command(flag.Arg(0), flag.Args()[1:]...)
	resolver.Stdout, resolver.Stderr = os.Stdout, os.Stderr
	resolver.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	// Until it has a handler of its own, the resolver would die of a SIGHUP; one that is ignored here is ignored there
	// (signal(7)), and what it says is read at the start anyway.
	signal.Ignore(syscall.SIGHUP)
	check(resolver.Start())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan error, 1)
	go func() { ended <- resolver.Wait() }()
	changed := make(chan struct{}, 1)
	for _, resource := range []string{"services", "endpoints"} {
		go watch(client, *server+"/api/v1/"+resource, changed)
	}
	var last string
	for {
		select {
		case <-stop:
			resolver.Process.Signal(syscall.SIGTERM)
			<-ended
			return
		case err := <-ended:
			log.Fatalf("%s ended: %v", flag.Arg(0), err)
		case <-changed:
			// Changes come in bursts, a Deployment's start for one.
			time.Sleep(50 * time.Millisecond)
			text, err := render(client, *server, *domain)
			if err != nil {
				log.Print(err)
				time.AfterFunc(time.Second, func() { poke(changed) })
				continue
			}
			if text == last {
				continue
			}
			check(os.WriteFile(*hosts+".part", []byte(text), 0o644))
			check(os.Rename(*hosts+".part", *hosts))
			resolver.Process.Signal(syscall.SIGHUP)
			last = text
		}
	}
}

// watch pokes on every change of a resource, and at every new start, when changes may have been missed.
func watch(client *http.Client, url string, changed chan<- struct{}) {
	for ; ; time.Sleep(500 * time.Millisecond) {
		var current list
		if err := get(client, url, &current); err != nil {
			log.Print(err)
			continue
		}
		poke(changed)
		response, err := client.Get(url + "?watch=1&resourceVersion=" + current.Metadata.ResourceVersion)
		if err != nil {
			log.Print(err)
			continue
		}
		decoder := json.NewDecoder(response.Body)
		for {
			var event struct{ Type string }
			if decoder.Decode(&event) != nil || event.Type == "ERROR" {
				break
			}
			poke(changed)
		}
		response.Body.Close()
	}
}

func poke(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

func render(client *http.Client, server, domain string) (string, error) {
	var services, endpoints list
	if err := get(client, server+"/api/v1/services", &services); err != nil {
		return "", err
	}
	if err := get(client, server+"/api/v1/endpoints", &endpoints); err != nil {
		return "", err
	}
	var headless = map[string]bool{}
	var lines []string
	for _, service := range services.Items {
		name := service.Metadata.Name + "." + service.Metadata.Namespace
		switch service.Spec.ClusterIP {
		case "":
		case "None":
			headless[name] = true
		default:
			lines = append(lines, line(service.Spec.ClusterIP, name, domain))
		}
	}
	for _, set := range endpoints.Items {
		name := set.Metadata.Name + "." + set.Metadata.Namespace
		if !headless[name] {
			continue
		}
		for _, subset := range set.Subsets {
			for _, address := range subset.Addresses {
				lines = append(lines, line(address.IP, name, domain))
				if address.Hostname != "" {
					lines = append(lines, line(address.IP, address.Hostname+"."+name, domain))
				}
			}
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, ""), nil
}

func line(address, name, domain string) string {
	return fmt.Sprintf("%s %s %s.svc %s.svc.%s\n", address, name, name, name, domain)
}

func get(client *http.Client, url string, into interface{}) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.200s", url, response.Status, body)
	}
	return json.Unmarshal(body, into)
}

func newClient(ca, cert, key string) *http.Client {
	pem, err := os.ReadFile(ca)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
		ResponseHeaderTimeout: 10 * time.Second,
	}}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
