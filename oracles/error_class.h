// Turns a runtime's message into a class of error: what stays the same when the case is reduced.
// Depends on nothing but the table of element types.
#ifndef MOIRE_ORACLES_ERROR_CLASS_H_
#define MOIRE_ORACLES_ERROR_CLASS_H_

#include <string>
#include <string_view>

namespace moire {

// Names and numbers removed: "node:v12 ... got: 3" -> "node:* ... got: #". Quoted text, words with
// a digit in them that are not element types, what follows "name:" or stands in "Node (...)", and
// directories of source files go; lists of numbers become one '#'. At most 200 characters.
std::string MessageClass(std::string_view message);

}  // namespace moire

#endif  // MOIRE_ORACLES_ERROR_CLASS_H_
