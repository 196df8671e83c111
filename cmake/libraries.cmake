# The libraries Orrery stands on, each under one name for the floors to link. All are Debian packages (packages.txt).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
add_library(uv INTERFACE)
target_link_libraries(uv INTERFACE PkgConfig::UV Threads::Threads)

pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
add_library(sqlite INTERFACE)
target_link_libraries(sqlite INTERFACE PkgConfig::SQLITE)

pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
add_library(crypto INTERFACE)
target_link_libraries(crypto INTERFACE PkgConfig::CRYPTO)

pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
add_library(curl INTERFACE)
target_link_libraries(curl INTERFACE PkgConfig::CURL)

pkg_check_modules(AMQP REQUIRED IMPORTED_TARGET librabbitmq)
add_library(amqp INTERFACE)
target_link_libraries(amqp INTERFACE PkgConfig::AMQP)

pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.4)
add_library(lua INTERFACE)
target_link_libraries(lua INTERFACE PkgConfig::LUA)

# llhttp is packaged as C sources (node-llhttp), to be compiled into whoever uses it; its warnings are not ours. Strict:
# it takes no bare LF between chunks and no control characters in a target.
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include /usr/local/share/include PATH_SUFFIXES llhttp REQUIRED)
find_path(LLHTTP_SOURCE llhttp.c PATHS /usr/share/llhttp /usr/local/share/llhttp NO_DEFAULT_PATH REQUIRED)
add_library(llhttp STATIC ${LLHTTP_SOURCE}/api.c ${LLHTTP_SOURCE}/http.c ${LLHTTP_SOURCE}/llhttp.c)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
target_compile_options(llhttp PRIVATE -w)
target_compile_definitions(llhttp PRIVATE LLHTTP_STRICT_MODE=1)
