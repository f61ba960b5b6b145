package main

import (
	"net/http"
	"strings"
)

// propagated picks the headers that every service passes on: what decides where a request goes, and its trace.
func propagated(from http.Header) http.Header {
	picked := http.Header{}
	for name, values := range from {
		switch lower := strings.ToLower(name); {
		case strings.HasPrefix(lower, "x-c6o-"), lower == "traceparent", lower == "tracestate", lower == "baggage":
			picked[name] = values
		}
	}
	return picked
}

// copyDetourHeaders lets a caller see what the interceptor says about a request further down the chain.
func copyDetourHeaders(to, from http.Header) {
	for name, values := range from {
		if strings.HasPrefix(strings.ToLower(name), "x-detour-") {
			to[name] = values
		}
	}
}

func flatten(headers http.Header) map[string]string {
	flat := map[string]string{}
	for name, values := range headers {
		flat[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return flat
}
