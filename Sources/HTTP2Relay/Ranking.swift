/// Streams by a number each, the largest first and of equals the oldest; no stream twice.
///
/// A heap that knows where each stream is: every change takes a time that grows with the logarithm of how many there are.
struct Ranking: Sendable {
    private struct Entry {
        let stream: UInt32
        var number: Int

        func precedes(_ other: Entry) -> Bool {
            self.number == other.number ? self.stream < other.stream : self.number > other.number
        }
    }

    private var heap: [Entry] = []
    private var places: [UInt32: Int] = [:]

    /// How many streams there are.
    var count: Int {
        self.heap.count
    }

    /// The stream with the largest number.
    var first: (stream: UInt32, number: Int)? {
        self.heap.first.map { ($0.stream, $0.number) }
    }

    /// Whether the stream is among them.
    func contains(_ stream: UInt32) -> Bool {
        !self.heap.isEmpty && self.places[stream] != nil
    }

    /// Gives the stream its number, whether or not it has had another.
    mutating func set(_ stream: UInt32, _ number: Int) {
        guard let place = self.places[stream] else {
            self.places[stream] = self.heap.count
            self.heap.append(Entry(stream: stream, number: number))
            return self.settle(self.heap.count - 1)
        }
        self.heap[place].number = number
        self.settle(place)
    }

    /// Takes the stream out, if it is there.
    mutating func remove(_ stream: UInt32) {
        guard !self.heap.isEmpty, let place = self.places.removeValue(forKey: stream) else {
            return
        }
        let last = self.heap.removeLast()
        guard place < self.heap.count else {
            return
        }
        self.heap[place] = last
        self.places[last.stream] = place
        self.settle(place)
    }

    /// Takes out the first stream, if its number is larger than `bound`.
    mutating func pop(above bound: Int) -> UInt32? {
        guard let first = self.heap.first, first.number > bound else {
            return nil
        }
        self.remove(first.stream)
        return first.stream
    }

    /// Moves an entry to where its number belongs.
    private mutating func settle(_ place: Int) {
        var place = place
        while place > 0, self.heap[place].precedes(self.heap[(place - 1) / 2]) {
            self.exchange(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
        while let child = self.firstChild(of: place), self.heap[child].precedes(self.heap[place]) {
            self.exchange(place, child)
            place = child
        }
    }

    private func firstChild(of place: Int) -> Int? {
        let left = 2 * place + 1
        guard left < self.heap.count else {
            return nil
        }
        return left + 1 < self.heap.count && self.heap[left + 1].precedes(self.heap[left]) ? left + 1 : left
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        self.heap.swapAt(one, other)
        self.places[self.heap[one].stream] = one
        self.places[self.heap[other].stream] = other
    }
}
