#if os(Linux)
    import GatewayCore
    import HTTPWire
    import NIOCore
    import ProxyCore
    import TrafficMatch

    /// The machine's actions, done.
    extension ClientConnection {
        /// Does what the machine says about a side's bytes until it says to wait.
        ///
        /// - Returns: how many of the bytes have been used.
        func feed(_ which: ForwardSide, _ raw: UnsafeRawBufferPointer) -> Int {
            let upstream = self.upstream
            var used = 0
            while true {
                let rest = UnsafeRawBufferPointer(rebasing: raw[used...])
                switch self.machine.step(which, ByteView(rest)) {
                case .wait:
                    self.setBlocked(which, false)
                    return used
                case .blocked:
                    self.setBlocked(which, true)
                    return used
                case .forward(let count):
                    self.pass(UnsafeRawBufferPointer(rebasing: rest[..<count]), from: which)
                    used += count
                case .discard(let count): used += count
                case .sendRequest(let head, let total, let keep):
                    self.sendRequest(rest, head, total, keep)
                    used += total
                case .sendResponse(let head, let total, let persistence):
                    self.sendResponse(rest, head, total, persistence)
                    used += total
                case .establish(let head):
                    self.establish()
                    used += head
                case .route: self.begin(ByteView(rest))
                case .acquire(let fresh): self.acquire(fresh: fresh)
                case .replay: self.kept.withUnsafeReadableBytes { self.upstream?.send($0) }
                case .release(let keep): self.releaseUpstream(keep: keep)
                case .respond: self.respond()
                case .log: self.log(ByteView(rest))
                case .finish(.client): self.finish()
                case .finish(.upstream): self.upstream?.finish()
                case .closeAll:
                    self.releaseUpstream(keep: false)
                    self.close()
                case .resetAll:
                    self.upstream?.reset()
                    self.releaseUpstream(keep: false)
                    self.reset()
                }
                // The bytes were those of a connection that belongs to nobody any more.
                if which == .upstream, self.upstream !== upstream { return raw.count }
            }
        }

        @inline(__always)
        private func setBlocked(_ which: ForwardSide, _ isBlocked: Bool) {
            if which == .client { self.isBlocked = isBlocked } else { self.upstream?.isBlocked = isBlocked }
        }

        @inline(__always)
        private func pass(_ bytes: UnsafeRawBufferPointer, from which: ForwardSide) {
            if which == .client { self.upstream?.send(bytes) } else { self.send(bytes) }
        }

        /// Which way a request goes.
        enum Way {
            case cluster(LoopCluster)
            /// No route takes it.
            case none
            /// None, for a reason of its own.
            case refused(Refusal.Reason)
        }

        func route(_ view: ByteView) -> Way {
            guard let head = self.machine.head else { return .none }
            if !self.target.isEmpty { self.target = [] }
            if let forward = self.listener.plan.forward { return self.routeOutward(head, view, forward) }
            if self.listener.plan.readsPaths {
                switch view.normalTarget(head.target) {
                case .same: break
                case .rewritten(let target): self.target = target
                case .refused: return .refused(.path)
                }
            }
            return self.cluster(for: head, view).map(Way.cluster) ?? .none
        }

        /// The cluster of the first route that takes a request.
        private func cluster(for head: RequestHead, _ view: ByteView) -> LoopCluster? {
            for route in self.listener.routes
            where route.match.takesEverything
                || (self.target.isEmpty
                    ? route.match.isSatisfied(by: head, in: view)
                    : route.match.isSatisfied(by: head, in: view, target: self.target))
            {
                self.machine.attempts = route.cluster.plan.settings.bounds.attempts
                self.machine.retry = route.cluster.retry()
                self.lastServer = nil
                return route.cluster
            }
            return nil
        }

        private func acquire(fresh: Bool) {
            guard let cluster = self.cluster else { return }
            if self.outward != nil { return self.acquireOutward(fresh: fresh, cluster) }
            guard let server = cluster.nextServer(after: self.lastServer?.endpoint) else {
                return self.machine.acquireFailed(.full)
            }
            self.lastServer = server
            if fresh { cluster.withdraw() }
            if !fresh, let connection = cluster.takeIdle(server.endpoint) {
                connection.client = self
                self.upstream = connection
                self.trace.server = connection.label
                cluster.counts.reused.add()
                self.machine.acquired(isReused: true)
                return
            }
            let connection = UpstreamConnection(self.state, to: server)
            connection.client = self
            self.upstream = connection
            self.trace.server = connection.label
            connection.connect(to: cluster.address(of: server.endpoint), within: cluster.plan.connectTimeout)
        }

        /// The connection that `acquire` asked for is open.
        func upstreamOpened(_ connection: UpstreamConnection) {
            guard self.upstream === connection else { return connection.close() }
            connection.server.cluster.counts.opened.add()
            self.machine.acquired(isReused: false)
        }

        /// The connection that `acquire` asked for did not open.
        func upstreamFailed(_ connection: UpstreamConnection, isLate: Bool) {
            guard self.upstream === connection else { return }
            self.upstream = nil
            connection.server.cluster.counts.failed.add()
            connection.hasFailed()
            self.machine.acquireFailed(isLate ? .late : .refused)
            self.pump()
        }

        func releaseUpstream(keep: Bool) {
            guard let upstream = self.upstream else { return }
            self.upstream = nil
            upstream.client = nil
            upstream.isReleased(self.machine.verdict)
            // Bytes of a request that the server answered without taking them would come before the next one.
            guard keep, upstream.isOpen, upstream.hasRoom else { return upstream.close() }
            upstream.wait()
        }

        private func sendRequest(_ raw: UnsafeRawBufferPointer, _ head: Int, _ total: Int, _ keep: Bool) {
            guard let upstream = self.upstream, let request = self.machine.head else { return }
            self.kept.clear()
            // A server of HTTP/1.0 has to be asked to keep the connection.
            let isHTTP10 = request.version == .http10
            guard request.flags.contains(.hopByHop) || isHTTP10 || !self.target.isEmpty else {
                let bytes = UnsafeRawBufferPointer(rebasing: raw[..<total])
                if keep { self.kept.writeBytes(bytes) }
                return upstream.send(bytes)
            }
            var edit = HeadEdit(line: isHTTP10 ? "connection: keep-alive\r\n" : "")
            if self.machine.keepsUpgrade { edit = HeadEdit(line: "connection: upgrade\r\n", keepsUpgrade: true) }
            if !self.target.isEmpty { edit.target = (request.target, self.target) }
            if let outward { edit.proxied = .init(request: request, host: outward.target.authority) }
            self.state.put(raw, FieldCursor(request), head, total, edit)
            if keep { self.kept.writeImmutableBuffer(self.state.edited) }
            self.state.edited.withUnsafeReadableBytes { upstream.send($0) }
        }

        private func sendResponse(_ raw: UnsafeRawBufferPointer, _ head: Int, _ total: Int, _ persistence: Persistence)
        {
            guard let response = self.machine.responseHead else { return }
            self.trace.answered = self.state.now
            let isProxied = self.outward != nil
            guard persistence != .goesOn || response.flags.contains(.hopByHop) || isProxied else {
                return self.send(UnsafeRawBufferPointer(rebasing: raw[..<total]))
            }
            let line: StaticString =
                switch persistence {
                case .goesOn: ""
                case .ends: "connection: close\r\n"
                case .goesOnInHTTP10: "connection: keep-alive\r\n"
                case .upgrades: "connection: upgrade\r\n"
                }
            var edit = HeadEdit(
                line: line,
                keepsUpgrade: persistence == .upgrades,
                dropsNamed: response.flags.contains(.strangeOption)
            )
            if isProxied { edit.proxied = .init(response: response) }
            self.state.put(raw, FieldCursor(response), head, total, edit)
            self.state.edited.withUnsafeReadableBytes { self.send($0) }
        }

        private func respond() {
            guard let refusal = self.machine.refusal else { return }
            self.trace.answered = self.state.now
            var text = refusal.text
            text.withUTF8 { self.send(UnsafeRawBufferPointer($0)) }
        }

    }
#endif
