-- What wrk measured, as one JSON object on standard error. Percentiles are those of `wrk --latency`.
-- There is no `request` here on purpose: wrk would call it for each request.
function done(summary, latency, requests)
    local errors = summary.errors
    io.stderr:write(string.format(
        '{"requests":%d,"microseconds":%d,"p50":%.0f,"p99":%.0f,"badStatus":%d,"socketErrors":%d,"timeouts":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write, errors.timeout
    ))
end
