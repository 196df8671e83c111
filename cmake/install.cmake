# Where the program's own files lie; src/app/paths.c finds them from the executable, in either layout:
#   build tree   orrery, share/{lua,migrations,web}, schedulers/
#   installed    bin/orrery, share/orrery/{lua,migrations,web}, lib/orrery/{schedulers,examples}/, share/doc/orrery/
file(GLOB scheduler_scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schedulers/*.lua)
set(scheduler_modules common loadleveler pbs slurm sge) # folders of what they require
file(GLOB manuals CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.1)

# The build tree links into the source: an edited script is in effect at once.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share ${PROJECT_BINARY_DIR}/schedulers)
foreach(folder lua migrations web)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${folder})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${PROJECT_BINARY_DIR}/share/${folder} SYMBOLIC)
    install(DIRECTORY ${folder} DESTINATION share/orrery)
  endif()
endforeach()
foreach(script ${scheduler_scripts})
  get_filename_component(name ${script} NAME)
  file(CREATE_LINK ${script} ${PROJECT_BINARY_DIR}/schedulers/${name} SYMBOLIC)
endforeach()

foreach(folder ${scheduler_modules})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/schedulers/${folder} ${PROJECT_BINARY_DIR}/schedulers/${folder} SYMBOLIC)
  install(DIRECTORY schedulers/${folder} DESTINATION lib/orrery/schedulers)
endforeach()

install(TARGETS orrery DESTINATION bin)
install(FILES ${scheduler_scripts} DESTINATION lib/orrery/schedulers)
install(TARGETS local orrery-supervisor DESTINATION lib/orrery/schedulers)
install(DIRECTORY include/orrery DESTINATION include)
install(FILES ${manuals} DESTINATION share/man/man1)
install(FILES LICENSE DESTINATION share/doc/orrery)
install(FILES schedulers/README.md DESTINATION share/doc/orrery/schedulers)

# Examples: the sweep names its program by the way from its own folder, which is another one once it is installed.
set(sweep ${PROJECT_SOURCE_DIR}/examples/heat2d/sweep.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sweep})
file(READ ${sweep} text)
string(REPLACE ../../build/examples/heat2d/ ../../../../../lib/orrery/examples/ text "${text}")
file(WRITE ${PROJECT_BINARY_DIR}/examples/installed/sweep.json "${text}")
install(TARGETS heat2d DESTINATION lib/orrery/examples)
install(DIRECTORY examples DESTINATION share/doc/orrery PATTERN CMakeLists.txt EXCLUDE PATTERN sweep.json EXCLUDE)
install(FILES ${PROJECT_BINARY_DIR}/examples/installed/sweep.json DESTINATION share/doc/orrery/examples/heat2d)

# The unit names the executable, whose place is known only when it is installed.
install(CODE "configure_file(\"${PROJECT_SOURCE_DIR}/cmake/orrery.service.in\"
                             \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/orrery/orrery.service\" @ONLY)")
