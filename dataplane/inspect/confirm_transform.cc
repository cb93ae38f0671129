#include "dataplane/inspect/confirm_transform.h"

// EVP takes memory whenever a hash begins, which a worker must not; the functions below it, though
// deprecated, work on a context of the caller's.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "base/base64.h"
#include "base/hex.h"

namespace sluice {
namespace {

using Bytes = std::span<std::uint8_t>;

constexpr std::size_t kRoom = kTransformBytesMax + kPartTransforms;  ///< each may add a dot

constexpr bool is_space(std::uint8_t byte) noexcept {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

std::size_t strip_whitespace(Bytes bytes) noexcept {
  const auto rest = std::ranges::remove_if(bytes, is_space);
  return bytes.size() - rest.size();
}

/// The first of a run stays.
std::size_t compress_whitespace(Bytes bytes) noexcept {
  const auto rest = std::ranges::unique(
      bytes, [](std::uint8_t a, std::uint8_t b) { return is_space(a) && is_space(b); });
  return bytes.size() - rest.size();
}

/// How many bytes a percent sign at the front takes, itself and what was read to find out; 3 and
/// two digits are a coded byte.
std::size_t escape_size(ByteSpan text) noexcept {
  if (text.size() < 2 || hex_value(text[1]) < 0) return std::min<std::size_t>(text.size(), 2);
  return std::min<std::size_t>(text.size(), 3);
}

/// An escape that is none stays as it was written, with the bytes that were read for it.
std::size_t decode_url(Bytes bytes) noexcept {
  std::size_t written = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    if (bytes[i] != '%') {
      bytes[written++] = bytes[i] == '+' ? std::uint8_t{' '} : bytes[i];
      ++i;
      continue;
    }
    const std::size_t size = escape_size(bytes.subspan(i));
    const int coded = size == 3 ? hex_byte(bytes[i + 1], bytes[i + 2]) : -1;
    if (coded >= 0) {
      bytes[written++] = static_cast<std::uint8_t>(coded);
    } else {
      std::memmove(&bytes[written], &bytes[i], size);
      written += size;
    }
    i += size;
  }
  return written;
}

std::size_t line_size(Bytes bytes, std::size_t begin) noexcept {
  const auto line = bytes.subspan(begin);
  const auto end = std::ranges::find(line, std::uint8_t{'\n'});
  return end == line.end() ? line.size() : static_cast<std::size_t>(end - line.begin()) + 1;
}

/// Lines that begin with a colon go, as HTTP/2 has them.
std::size_t strip_pseudo_headers(Bytes bytes) noexcept {
  std::size_t written = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = line_size(bytes, at);
    if (bytes[at] != ':') {
      std::memmove(&bytes[written], &bytes[at], size);
      written += size;
    }
    at += size;
  }
  return written;
}

/// Each line up to its colon; the colon in front of a pseudo header is none.
void lower_header_names(Bytes bytes) noexcept {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = line_size(bytes, at);
    for (std::size_t i = at; i < at + size && (bytes[i] != ':' || i == at); ++i) {
      bytes[i] = folded(bytes[i]);
    }
    at += size;
  }
}

constexpr std::uint8_t upper(std::uint8_t byte) noexcept {
  return byte >= 'a' && byte <= 'z' ? static_cast<std::uint8_t>(byte & ~0x20U) : byte;
}

template <class Context, std::size_t Size, auto Begin, auto Add, auto End>
std::size_t hash_with(std::uint8_t* bytes, std::size_t size) noexcept {
  Context context;
  Begin(&context);
  Add(&context, bytes, size);
  End(bytes, &context);
  return Size;
}

/// Writes the digest over what it is of, and returns its size; there is always room for it.
std::size_t hash(Transform transform, std::uint8_t* bytes, std::size_t size) noexcept {
  if (transform == Transform::to_md5) {
    return hash_with<MD5_CTX, MD5_DIGEST_LENGTH, MD5_Init, MD5_Update, MD5_Final>(bytes, size);
  }
  if (transform == Transform::to_sha1) {
    return hash_with<SHA_CTX, SHA_DIGEST_LENGTH, SHA1_Init, SHA1_Update, SHA1_Final>(bytes, size);
  }
  return hash_with<SHA256_CTX, SHA256_DIGEST_LENGTH, SHA256_Init, SHA256_Update, SHA256_Final>(
      bytes, size);
}

}  // namespace

BufferTransform::BufferTransform()
    : changed_(std::make_unique<std::uint8_t[]>(kRoom)),
      decoded_(std::make_unique<std::uint8_t[]>(kTransformBytesMax)) {}

std::size_t BufferTransform::change(Transform transform, ByteSpan key, std::size_t size) noexcept {
  const Bytes bytes(changed_.get(), size);
  switch (transform) {
    case Transform::dotprefix:
      std::memmove(changed_.get() + 1, changed_.get(), size);
      changed_[0] = '.';
      return size + 1;
    case Transform::strip_whitespace:
      return strip_whitespace(bytes);
    case Transform::compress_whitespace:
      return compress_whitespace(bytes);
    case Transform::to_lowercase:
      std::ranges::transform(bytes, bytes.begin(), folded);
      return size;
    case Transform::to_uppercase:
      std::ranges::transform(bytes, bytes.begin(), upper);
      return size;
    case Transform::url_decode:
      return decode_url(bytes);
    case Transform::to_md5:
    case Transform::to_sha1:
    case Transform::to_sha256:
      return hash(transform, changed_.get(), size);
    case Transform::strip_pseudo_headers:
      return strip_pseudo_headers(bytes);
    case Transform::header_lowercase:
      lower_header_names(bytes);
      return size;
    case Transform::xor_key:
      for (std::size_t i = 0; i < size; ++i) bytes[i] ^= key[i % key.size()];
      return size;
  }
  return size;
}

std::optional<ByteSpan> BufferTransform::apply(const PartProgram& program,
                                               ByteSpan bytes) noexcept {
  if (bytes.size() > kTransformBytesMax) return std::nullopt;
  std::ranges::copy(bytes, changed_.get());
  std::size_t size = bytes.size();
  for (const TransformRef& step : program.transforms) {
    size = change(step.transform, ByteSpan(program.bytes).subspan(step.key.begin, step.key.size),
                  size);
  }
  return ByteSpan(changed_.get(), size);
}

BufferTransform::Decoded BufferTransform::decode_base64(ByteSpan text) noexcept {
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t written = 0;
  for (const std::uint8_t byte : text) {
    const int value = base64_value(byte);
    if (value < 0) break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    if (written == kTransformBytesMax) return {{decoded_.get(), written}, true};
    count -= 8;
    decoded_[written++] = static_cast<std::uint8_t>(bits >> count);
  }
  return {{decoded_.get(), written}, false};
}

}  // namespace sluice
